"""Makes the checkpoints beside this file: small models of Hugging Face's transformers (4.48 was used, with torch), their
inputs, and the outputs that transformers computes. Names and configurations are those that save_pretrained writes.

    python make.py
"""
import json, os, struct
import torch
from transformers.models.bart import configuration_bart, modeling_bart
from transformers.models.bert import configuration_bert, modeling_bert
from transformers.models.diffllama import configuration_diffllama, modeling_diffllama
from transformers.models.gpt2 import configuration_gpt2, modeling_gpt2
from transformers.models.llama import configuration_llama, modeling_llama
from transformers.models.marian import configuration_marian, modeling_marian
from transformers.models.mbart import configuration_mbart, modeling_mbart
from transformers.models.vit import configuration_vit, modeling_vit

IDS = torch.tensor([[1, 5, 9, 2, 17, 3], [4, 4, 8, 11, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
TYPES = torch.tensor([[0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 0, 0]])
TARGETS = torch.tensor([[2, 7, 7, 12], [3, 1, 18, 6]])


def save(path, tensors):
    """Writes tensors in the safetensors format."""
    header, data = {}, b""
    for name, t in tensors.items():
        b = t.detach().contiguous().numpy().tobytes()
        dtype = {torch.float32: "F32", torch.int64: "I64"}[t.dtype]
        header[name] = {"dtype": dtype, "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(b)]}
        data += b
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def make(name, cls, config, inputs, outputs):
    torch.manual_seed(1)
    model = cls(config).eval()
    with torch.no_grad():
        for key, p in model.named_parameters():
            if p.requires_grad:  # norms and biases must not be ones and zeros
                p.add_(0.2 * torch.randn_like(p))
        for key, b in model.named_buffers():
            if key == "final_logits_bias":
                b.normal_()
        got = model(**inputs)
    os.makedirs(name, exist_ok=True)
    config.architectures = [cls.__name__]
    config.save_pretrained(name)
    tensors, seen = {}, set()
    for key, t in model.state_dict().items():  # of tensors that share their data, one is saved
        if t.data_ptr() in seen or key in (model._keys_to_ignore_on_save or []):
            continue
        seen.add(t.data_ptr())
        tensors[key] = t
    save(os.path.join(name, "model.safetensors"), tensors)
    save(os.path.join(name, "io.safetensors"), {**inputs, **{"want." + k: got[k] for k in outputs}})


def main():
    words = {"vocab_size": 19}
    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 20}
    bert = {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": TYPES}
    c = configuration_bert.BertConfig(**words, **small, max_position_embeddings=12, attn_implementation="eager")
    make("bert", modeling_bert.BertModel, c, bert, ["last_hidden_state", "pooler_output"])
    make("bert_classifier", modeling_bert.BertForSequenceClassification, configuration_bert.BertConfig(
        **words, **small, max_position_embeddings=12, num_labels=3, hidden_act="relu", attn_implementation="eager"), bert, ["logits"])
    make("bert_mlm", modeling_bert.BertForMaskedLM, c, bert, ["logits"])
    make("gpt2", modeling_gpt2.GPT2LMHeadModel, configuration_gpt2.GPT2Config(
        **words, n_embd=16, n_layer=2, n_head=4, n_positions=12, attn_implementation="eager"), {"input_ids": IDS}, ["logits"])
    llama = dict(**words, **small, num_key_value_heads=2, max_position_embeddings=64, attn_implementation="eager")
    make("llama", modeling_llama.LlamaForCausalLM, configuration_llama.LlamaConfig(
        **llama, rope_theta=500.0, rope_scaling={"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                                  "original_max_position_embeddings": 32}), {"input_ids": IDS}, ["logits"])
    make("llama_base", modeling_llama.LlamaModel, configuration_llama.LlamaConfig(
        **llama, attention_bias=True, mlp_bias=True), {"input_ids": IDS}, ["last_hidden_state"])
    make("diffllama", modeling_diffllama.DiffLlamaForCausalLM, configuration_diffllama.DiffLlamaConfig(**llama), {"input_ids": IDS}, ["logits"])
    pairs = {"input_ids": IDS, "attention_mask": MASK, "decoder_input_ids": TARGETS}
    seq = dict(**words, d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4, decoder_attention_heads=2,
               encoder_ffn_dim=20, decoder_ffn_dim=24, max_position_embeddings=12, attn_implementation="eager",
               pad_token_id=0, eos_token_id=0, decoder_start_token_id=0)
    make("marian", modeling_marian.MarianMTModel, configuration_marian.MarianConfig(
        **seq, scale_embedding=True, activation_function="swish"), pairs, ["logits"])
    make("bart", modeling_bart.BartForConditionalGeneration, configuration_bart.BartConfig(**seq), pairs, ["logits"])
    make("mbart", modeling_mbart.MBartForConditionalGeneration, configuration_mbart.MBartConfig(**seq), pairs, ["logits"])
    torch.manual_seed(2)
    image = {"pixel_values": torch.randn(2, 3, 8, 8)}
    make("vit", modeling_vit.ViTModel, configuration_vit.ViTConfig(**small, image_size=8, patch_size=4), image,
         ["last_hidden_state", "pooler_output"])
    make("vit_classifier", modeling_vit.ViTForImageClassification, configuration_vit.ViTConfig(
        **small, image_size=8, patch_size=4, num_labels=3), image, ["logits"])


main()
