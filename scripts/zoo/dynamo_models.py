"""BERT, GPT-2, LLaMA and its likes, Whisper and ViT of transformers 4.48 to 5, as torch.onnx.export(dynamo=True) writes them."""
import math

import torch

from .dynamo import BATCH, END, FRAMES, PAST, SEQ, SOURCE
from .dynamo_parts import (D, FF, H, VOCAB, W, decoder_mask, heads, layer_norm, linear, mask_bert, mask_broadcast, mask_input, mask_scattered, mask_vmap, mlp,
                           normal, positions, repeat_kv, rms, rotated, rotation, swiglu, together, tokens, uniform)

LOWEST = torch.finfo(torch.float32).min


def bert(g):
    """Token types and positions come from buffers: slices of them before transformers 5, rows of them by position since."""
    words = tokens(g, "embeddings.word_embeddings.weight")
    mask = g.input("attention_mask", mask_input(g, SEQ))
    at = g.weight("embeddings.position_ids", torch.arange(40)[None])
    types = g.weight("embeddings.token_type_ids", torch.zeros(1, 40, dtype=torch.int64))
    at = g.slice(at, 1, 0, SEQ)
    if g.old:
        types = g.expand(g.slice(types, 1, 0, SEQ), BATCH, SEQ)
        mask = mask_bert(g, mask, SEQ)
    else:
        wide, rows = g.expand(types, BATCH, -1), g.expand(at, BATCH, -1)
        types = g.node("GatherElements", [wide, rows], wide.t.gather(1, rows.t), "gather", axis=1)
        mask = mask_broadcast(g, mask, SEQ, SEQ, causal=False)
    kinds = g.embedding(normal(g, "embeddings.token_type_embeddings.weight", 2, W), types)
    x = g.add(g.add(words, kinds), g.embedding(normal(g, "embeddings.position_embeddings.weight", 40, W), at))
    x = layer_norm(g, x, "embeddings.LayerNorm", 1e-12)
    for i in range(2):
        p = f"encoder.layer.{i}"
        q, k, v = (heads(g, linear(g, x, f"{p}.attention.self.{n}", W), H) for n in ("query", "key", "value"))
        y = together(g, g.sdpa(q, k, v, mask, scale=None if g.old else D**-0.5))
        x = layer_norm(g, g.add(linear(g, y, f"{p}.attention.output.dense", W), x), f"{p}.attention.output.LayerNorm", 1e-12)
        x = layer_norm(g, g.add(mlp(g, x, p, g.gelu), x), f"{p}.output.LayerNorm", 1e-12)
    g.output("last_hidden_state", x)
    g.output("pooler_output", g.unary("Tanh", linear(g, g.select(x, 1, 0), "pooler.dense", W)))


def conv1d(g, x, name, out):
    """GPT-2's layer: a product of rows."""
    w = g.weight(f"{name}.weight", torch.randn(x.shape[-1], out) * 1.2 / math.sqrt(x.shape[-1]))
    rows = g.addmm(g.weight(f"{name}.bias", 0.2 * torch.randn(out)), g.view(x, -1, x.shape[-1]), w)
    return g.view(rows, *x.shape[:2], out)


def gelu_new(g, x):
    inner = g.mul(g.add(x, g.mul(g.pow(x, 3), 0.044715)), math.sqrt(2 / math.pi))
    return g.mul(g.mul(x, 0.5), g.add(g.unary("Tanh", inner), 1.0))


def past_of(g, cache, kv=H):
    return [[g.input(f"past_key_values.{i}.{n}", torch.randn(BATCH, kv, PAST, D)) for n in ("key", "value")] for i in range(2)] if cache else None


def appended(g, past, i, k, v):
    """DynamicCache: new keys and values behind the old, which are outputs, too."""
    if past is None:
        return k, v
    k, v = g.cat([past[i][0], k], -2), g.cat([past[i][1], v], -2)
    g.output(f"present.{i}.key", k), g.output(f"present.{i}.value", v)
    return k, v


def gpt2(kind, cache=False):
    def make(g):
        x = tokens(g, "transformer.wte.weight")
        mask = decoder_mask(g, kind, cache)
        past = past_of(g, cache)
        x = g.add(x, g.embedding(normal(g, "transformer.wpe.weight", 40, W), g.unsqueeze(positions(g, SEQ), 0)))
        for i in range(2):
            p = f"transformer.h.{i}"
            qkv = g.chunk(conv1d(g, layer_norm(g, x, f"{p}.ln_1"), f"{p}.attn.c_attn", 3 * W), 3, 2)
            q, k, v = (heads(g, t, H) for t in qkv)
            k, v = appended(g, past, i, k, v)
            x = g.add(conv1d(g, together(g, g.sdpa(q, k, v, mask)), f"{p}.attn.c_proj", W), x)
            h = gelu_new(g, conv1d(g, layer_norm(g, x, f"{p}.ln_2"), f"{p}.mlp.c_fc", FF))
            x = g.add(x, conv1d(g, h, f"{p}.mlp.c_proj", W))
        x = g.view(layer_norm(g, x, "transformer.ln_f"), -1, SEQ, W)
        g.output("logits", linear(g, x, "transformer.wte", VOCAB, bias=False))
    return make


def llama(kind, cache=False, implementation="sdpa", qk_norm=False, window=None, positions_given=False):
    """Two heads of keys and values for four of queries; Qwen 3 and Gemma 3 normalise queries and keys, Mistral has a window."""
    def make(g):
        total = PAST + SEQ if cache else SEQ
        x = tokens(g, "model.embed_tokens.weight")
        mask = None
        if kind:
            mask = decoder_mask(g, kind if not window else lambda *a: kind(*a, window=window), cache)
        at = g.input("position_ids", torch.arange(SEQ)[None].repeat(BATCH, 1) + 2) if positions_given else g.unsqueeze(positions(g, SEQ), 0)
        past = past_of(g, cache, 2)
        angles = rotation(g, at, BATCH if positions_given else 1)
        for i in range(2):
            p = f"model.layers.{i}"
            h = rms(g, x, f"{p}.input_layernorm.weight")
            q, k, v = (g.view(linear(g, h, f"{p}.self_attn.{n}_proj", c * D, bias=qk_norm), BATCH, SEQ, c, D) for n, c in (("q", H), ("k", 2), ("v", 2)))
            if qk_norm:
                q, k = rms(g, q, f"{p}.self_attn.q_norm.weight"), rms(g, k, f"{p}.self_attn.k_norm.weight")
            q, k, v = (g.transpose(t, 1, 2) for t in (q, k, v))
            q, k = rotated(g, q, *angles), rotated(g, k, *angles)
            k, v = appended(g, past, i, k, v)
            y = attend(g, implementation, q, k, v, mask, total)
            x = g.add(x, linear(g, together(g, y), f"{p}.self_attn.o_proj", W, bias=False))
            x = g.add(x, swiglu(g, rms(g, x, f"{p}.post_attention_layernorm.weight"), p))
        g.output("logits", linear(g, rms(g, x, "model.norm.weight"), "model.embed_tokens", VOCAB, bias=False))
    return make


def attend(g, implementation, q, k, v, mask, total):
    if mask is None:
        return g.sdpa(q, k, v, causal=True, scale=D**-0.5)
    k, v = repeat_kv(g, k, H, total), repeat_kv(g, v, H, total)
    if implementation == "sdpa":
        return g.sdpa(q, k, v, mask, scale=D**-0.5)
    if mask.t.dtype == torch.bool:
        mask = g.where(mask, g.const(0.0), g.const(LOWEST))
    s = g.mul(g.matmul(q, g.transpose(k, 2, 3)), D**-0.5)
    return g.matmul(g.softmax(g.add(s, g.slice(mask, 3, 0, total))), v)


def llama_operators(g):
    """Attention and rotation of ONNX's own, by torch.onnx.ops, with heads in the last axis and the cache an argument."""
    x = tokens(g, "model.embed_tokens.weight")
    at = g.input("position_ids", torch.arange(SEQ)[None].repeat(BATCH, 1) + PAST)
    past = past_of(g, True, 2)
    f = torch.arange(40).float()[:, None] / 10000.0 ** (torch.arange(0, D, 2).float() / D)
    cos, sin = g.weight("cos", f.cos()), g.weight("sin", f.sin())
    for i in range(2):
        p = f"model.layers.{i}"
        h = g.rms_norm(x, uniform(g, f"{p}.input_layernorm.weight", W))
        q, k, v = (linear(g, h, f"{p}.self_attn.{n}_proj", c * D, bias=False) for n, c in (("q", H), ("k", 2), ("v", 2)))
        q, k = (g.node("RotaryEmbedding", [t, cos, sin, at], turned(t.t, f[at.t], c), "rotary_embedding", num_heads=c, interleaved=0, rotary_embedding_dim=0)
                for t, c in ((q, H), (k, 2)))
        x = g.add(x, linear(g, attention_with_cache(g, q, k, v, past[i], i), f"{p}.self_attn.o_proj", W, bias=False))
        x = g.add(x, swiglu(g, g.rms_norm(x, uniform(g, f"{p}.post_attention_layernorm.weight", W)), p))
    g.output("logits", linear(g, g.rms_norm(x, uniform(g, "model.norm.weight", W)), "lm_head", VOCAB, bias=False))


def turned(x, f, count):
    a, b = x.unflatten(2, (count, D)).chunk(2, -1)
    c, s = f.cos()[:, :, None], f.sin()[:, :, None]
    return torch.cat((a * c - b * s, a * s + b * c), -1).flatten(2)


def attention_with_cache(g, q, k, v, past, i):
    split = lambda t, c: t.t.unflatten(2, (c, D)).transpose(1, 2)
    keys, values = torch.cat((past[0].t, split(k, 2)), 2), torch.cat((past[1].t, split(v, 2)), 2)
    s = split(q, H) @ keys.repeat_interleave(2, 1).transpose(2, 3) / math.sqrt(D)
    s = s.masked_fill(torch.arange(PAST + SEQ)[None] > torch.arange(PAST, PAST + SEQ)[:, None], -math.inf)
    y = (s.softmax(-1) @ values.repeat_interleave(2, 1)).transpose(1, 2).flatten(2)
    out = g.node("Attention", [q, k, v, "", *past], y, "attention", is_causal=1, q_num_heads=H, kv_num_heads=2, qk_matmul_output_mode=0, softcap=0.0)
    for name, t in ((f"present.{i}.key", keys), (f"present.{i}.value", values)):
        g.nodes[-1].output.append(name)
        g.outputs.append((name, t))
    return out


def whisper(g):
    """Convolutions and an encoder, a decoder that sees its own past and all of the encoder; queries are scaled by hand."""
    sound = g.input("input_features", torch.randn(BATCH, D, FRAMES))
    for i, size in enumerate((D, W)):
        w = g.weight(f"encoder.conv{i + 1}.weight", torch.randn(W, size, 3) * 1.2 / math.sqrt(3 * size))
        sound = g.gelu(g.conv(sound, w, g.weight(f"encoder.conv{i + 1}.bias", 0.2 * torch.randn(W)), i + 1, 1))
    x = g.add(g.permute(sound, 0, 2, 1), g.slice(normal(g, "encoder.embed_positions.weight", 40, W), 0, 0, SOURCE))
    for i in range(2):
        x = whisper_layer(g, x, None, f"encoder.layers.{i}", False)
    memory = layer_norm(g, x, "encoder.layer_norm")
    x = tokens(g, "decoder.embed_tokens.weight")
    mask = mask_broadcast(g, None, SEQ, SEQ) if not g.old else None
    at = g.repeat(g.unsqueeze(positions(g, SEQ), 0), BATCH, 1)
    x = g.add(x, g.index(normal(g, "decoder.embed_positions.weight", 40, W), [at]))
    for i in range(2):
        x = whisper_layer(g, x, memory, f"decoder.layers.{i}", True, mask)
    g.output("logits", linear(g, layer_norm(g, x, "decoder.layer_norm"), "decoder.embed_tokens", VOCAB, bias=False))


def whisper_layer(g, x, memory, p, causal, mask=None):
    def attend(name, h, other, causal, mask):
        q = heads(g, g.mul(linear(g, h, f"{p}.{name}.q_proj", W), D**-0.5), H)
        k, v = heads(g, linear(g, other, f"{p}.{name}.k_proj", W, bias=False), H), heads(g, linear(g, other, f"{p}.{name}.v_proj", W), H)
        return linear(g, together(g, g.sdpa(q, k, v, mask, causal and mask is None, 1.0)), f"{p}.{name}.out_proj", W)

    h = layer_norm(g, x, f"{p}.self_attn_layer_norm")
    x = g.add(x, attend("self_attn", h, h, causal, mask))
    if memory:
        x = g.add(x, attend("encoder_attn", layer_norm(g, x, f"{p}.encoder_attn_layer_norm"), memory, False, None))
    return g.add(x, mlp(g, layer_norm(g, x, f"{p}.final_layer_norm"), p, g.gelu))


def vit(g):
    image = g.input("pixel_values", torch.randn(BATCH, 2, 16, 16))
    w = g.weight("embeddings.patch.weight", torch.randn(W, 2, 4, 4) * 1.2 / math.sqrt(32))
    x = g.transpose(g.view(g.conv(image, w, g.weight("embeddings.patch.bias", 0.2 * torch.randn(W)), 4, 0), BATCH, W, 16), 1, 2)
    first = g.expand(g.weight("embeddings.cls_token", torch.randn(1, 1, W)), BATCH, -1, -1)
    x = g.add(g.cat([first, x], 1), g.weight("embeddings.position_embeddings", torch.randn(1, 17, W)))
    for i in range(2):
        p = f"encoder.layer.{i}"
        h = layer_norm(g, x, f"{p}.layernorm_before", 1e-12)
        q, k, v = (heads(g, linear(g, h, f"{p}.attention.{n}", W), H) for n in ("query", "key", "value"))
        x = g.add(linear(g, together(g, g.sdpa(q, k, v, scale=D**-0.5)), f"{p}.attention.dense", W), x)
        x = g.add(mlp(g, layer_norm(g, x, f"{p}.layernorm_after", 1e-12), p, g.gelu), x)
    g.output("logits", linear(g, g.select(layer_norm(g, x, "layernorm", 1e-12), 1, 0), "classifier", 10))


MODELS = {
    "dynamo-bert": (bert, {}),
    "dynamo-bert-old": (bert, {"old": True}),
    "dynamo-bert-attention": (bert, {"opset": 23, "external": True}),
    "dynamo-gpt2": (gpt2(mask_broadcast), {}),
    "dynamo-gpt2-vmap-cache": (gpt2(mask_vmap, True), {"old": True}),
    "dynamo-gpt2-attention-cache": (gpt2(mask_broadcast, True), {"opset": 23}),
    "dynamo-llama": (llama(mask_broadcast, positions_given=True), {}),
    "dynamo-llama-vmap-cache": (llama(mask_vmap, True), {}),
    "dynamo-llama-scattered": (llama(mask_scattered, True, "eager"), {"old": True}),
    "dynamo-llama-scattered-sdpa": (llama(mask_scattered), {"old": True}),
    "dynamo-llama-causal": (llama(None), {}),
    "dynamo-llama-causal-attention": (llama(None), {"opset": 23}),
    "dynamo-llama-attention-cache": (llama(mask_broadcast, True), {"opset": 23, "external": True}),
    "dynamo-llama-operators": (llama_operators, {"opset": 23}),
    "dynamo-mistral": (llama(mask_broadcast, window=3), {}),
    "dynamo-mistral-attention": (llama(mask_broadcast, True, window=3), {"opset": 23}),
    "dynamo-qwen3": (llama(mask_broadcast, True, "eager", qk_norm=True), {"opset": 20}),
    "dynamo-whisper": (whisper, {}),
    "dynamo-whisper-old": (whisper, {"old": True}),
    "dynamo-whisper-attention": (whisper, {"opset": 23}),
    "dynamo-vit": (vit, {}),
    "dynamo-vit-old": (vit, {"old": True}),
    "dynamo-vit-attention": (vit, {"opset": 24}),
}
