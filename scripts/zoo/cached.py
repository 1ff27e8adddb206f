"""Decoders of encoder-decoders with caches of keys and values, as Optimum splits them: one for the first tokens, one for those behind it, and
both merged under one If."""

import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper
from torch import nn

from .decoders import D, H, T5, VOCAB, W, RMSNorm
from .record import Model, draw, export, save, seed

BATCH, SRC, PAST = 2, 7, 5
CACHE = ["decoder.key", "decoder.value", "encoder.key", "encoder.value"]


def split(x):
    return x.view(x.shape[0], -1, H, D).transpose(1, 2)


class Attention(nn.Module):
    """Keys and values of the encoder come from the cache where there is one; those of earlier tokens stand before the new ones."""

    def __init__(self, bias, joined):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(W, W, bias=bias) for _ in range(4))
        self.joined = joined  # batch and heads, for the products

    def forward(self, x, memory, mask, past):
        b, t = x.shape[0], x.shape[1]
        q = split(self.q(x))
        if memory is not None:
            k, v = past if past is not None else (split(self.k(memory)), split(self.v(memory)))
        else:
            k, v = split(self.k(x)), split(self.v(x))
            if past is not None:
                k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        if self.joined:
            n = k.size(2)
            s = torch.bmm(q.reshape(b * H, t, D) * D**-0.5, k.reshape(b * H, -1, D).transpose(1, 2))
            s = (s.view(b, H, t, n) + mask).view(b * H, t, n)
            y = torch.bmm(F.softmax(s, dim=-1), v.reshape(b * H, -1, D)).view(b, H, t, D)
        else:
            s = torch.matmul(q, k.transpose(3, 2))
            s += mask
            y = torch.matmul(F.softmax(s.float(), dim=-1).type_as(s), v)
        return self.o(y.transpose(1, 2).reshape(b, -1, W)), (k, v)


class T5Decoder(nn.Module):
    """The bias of all distances is made, and its last rows are taken; the cross attention has one of zeros."""

    joined = False

    def __init__(self):
        super().__init__()
        self.embed, self.near = nn.Embedding(VOCAB, W), nn.Embedding(8, H)
        self.own, self.cross = Attention(False, False), Attention(False, False)
        self.norms = nn.ModuleList([RMSNorm() for _ in range(4)])
        self.up, self.down = nn.Linear(W, 48, bias=False), nn.Linear(48, W, bias=False)

    bucket, bias = T5.bucket, T5.bias

    def forward(self, ids, mask, memory, past=None):
        low = torch.finfo(torch.float32).min
        y, t = self.embed(ids), ids.size(1)
        length = t if past is None else t + past[0].size(2)
        at = torch.arange(t)
        causal = (at[None, None, :].repeat(ids.size(0), t, 1) <= at[None, :, None]).float()
        if past is not None:
            causal = torch.cat([torch.ones(ids.size(0), t, length - t), causal], dim=-1)
        near = self.bias(self.near, length, length, False)
        if past is not None:
            near = near[:, :, -y.size(1):, :]
        a, own = self.own(self.norms[0](y), None, near + (1.0 - causal[:, None]) * low, past and past[:2])
        y = y + a
        far = torch.zeros(1, H, t if past is None else length + t, memory.size(1))
        if past is not None:
            far = far[:, :, -y.size(1):, :]
        a, cross = self.cross(self.norms[1](y), memory, far + (1.0 - mask[:, None, None, :].float()) * low, past and past[2:])
        y = y + a
        y = y + self.down(F.relu(self.up(self.norms[2](y))))
        return F.linear(self.norms[3](y) * W**-0.5, self.embed.weight), *own, *(cross if past is None else ())


class BartDecoder(nn.Module):
    """Batch and heads are one axis in products; the mask of the encoder's tokens is expanded to all queries."""

    def __init__(self):
        super().__init__()
        self.embed, self.places = nn.Embedding(VOCAB, W), nn.Embedding(42, W)
        self.own, self.cross = Attention(True, True), Attention(True, True)
        self.norms = nn.ModuleList([nn.LayerNorm(W) for _ in range(4)])
        self.up, self.down = nn.Linear(W, 48), nn.Linear(48, W)

    def forward(self, ids, mask, memory, past=None):
        low = torch.finfo(torch.float32).min
        t, before = ids.size(1), 0 if past is None else past[0].size(2)
        at = torch.arange(t)
        causal = torch.full((t, t), low)
        causal.masked_fill_(at < (at + 1).view(t, 1), 0)
        causal = torch.cat([torch.zeros(t, before), causal], dim=-1)[None, None].expand(ids.size(0), 1, t, t + before)
        pad = 1.0 - mask[:, None, None, :].expand(mask.size(0), 1, t, mask.size(1)).float()
        pad = pad.masked_fill(pad.bool(), low)
        y = self.norms[0](self.embed(ids) + self.places(torch.arange(before, before + t) + 2))
        a, own = self.own(y, None, causal, past and past[:2])
        y = self.norms[1](y + a)
        a, cross = self.cross(y, memory, pad, past and past[2:])
        y = self.norms[2](y + a)
        y = self.norms[3](y + self.down(F.gelu(self.up(y))))
        return F.linear(y, self.embed.weight), *own, *(cross if past is None else ())


class Step(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, ids, mask, memory, *past):
        return self.body(ids, mask, memory, past)


def first(body):
    mask = torch.ones(BATCH, SRC, dtype=torch.int64)
    mask[1, 5:] = 0
    inputs = {"input_ids": torch.randint(VOCAB, (BATCH, PAST)), "encoder_attention_mask": mask, "encoder_hidden_states": torch.randn(BATCH, SRC, W)}
    axes = {n: {0: "batch_size", 1: "encoder_sequence_length"} for n in list(inputs)[1:]}
    axes |= {n: {0: "batch_size", 1: "decoder_sequence_length"} for n in ("input_ids", "logits")}
    axes |= {f"present.0.{n}": {0: "batch_size", 2: "encoder_sequence_length_out" if "encoder" in n else "decoder_sequence_length"} for n in CACHE}
    return Model(body, inputs, ["logits"] + [f"present.0.{n}" for n in CACHE], axes)


def step(body):
    m = first(body)
    with torch.no_grad():
        past = body(*m.inputs.values())[1:]
    m.module, m.outputs = Step(body), m.outputs[:3]
    m.inputs["input_ids"] = torch.randint(VOCAB, (BATCH, 3))
    for n, t in zip(CACHE, past):
        m.inputs[f"past_key_values.0.{n}"] = t
        length = "encoder_sequence_length_out" if "encoder" in n else "past_decoder_sequence_length"
        m.axes[f"past_key_values.0.{n}"] = {0: "batch_size", 2: length}
    for n in m.outputs[1:]:
        m.axes[n] = {0: "batch_size", 2: "past_decoder_sequence_length + decoder_sequence_length"}
    return m


def drawn(make):
    body = make().eval()
    draw(body, ())
    return body


def merged(folder, name, make):
    """One If: with the cache, and without. Weights are those of the graph around both, and what a branch has no use for it makes up."""
    seed(name)
    body = drawn(make)
    behind, begin = (export(name, f(body)) for f in (step, first))
    weights, branches = [], []
    for (model, _, want), prefix in ((behind, "with_past."), (begin, "no_past.")):
        g = model.graph
        rename(g, prefix, weights)
        for v in begin[0].graph.output:
            plain = v.name.removeprefix("no_past.")
            if plain not in want:
                zeros = helper.make_tensor(prefix + plain, TensorProto.FLOAT, [0, H, 1, D], [])
                g.node.append(helper.make_node("Constant", [], [prefix + plain], value=zeros))
                g.output.append(helper.make_tensor_value_info(prefix + plain, TensorProto.FLOAT, ["batch_size", H, "encoder_sequence_length_out", D]))
        branches.append(helper.make_graph(g.node, prefix.rstrip("."), [], g.output))
    inputs = {v.name: v for m, _, _ in (behind, begin) for v in m.graph.input}
    inputs["use_cache_branch"] = helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1])
    outputs = []
    for v in branches[0].output:
        o = onnx.ValueInfoProto()
        o.CopyFrom(v)
        o.name = v.name.removeprefix("with_past.")
        outputs.append(o)
    node = helper.make_node("If", ["use_cache_branch"], [o.name for o in outputs], "optimum::if", then_branch=branches[0], else_branch=branches[1])
    # The exporter's own order of outputs is that of the first tokens' model.
    order = {n: i for i, n in enumerate(["logits"] + [f"present.0.{n}" for n in CACHE])}
    outputs.sort(key=lambda o: order[o.name])
    model = helper.make_model(helper.make_graph([node], "merged", list(inputs.values()), outputs, weights),
                              opset_imports=behind[0].opset_import, ir_version=behind[0].ir_version, producer_name="optimum-onnx")
    nothing = torch.zeros(0, H, 1, D)
    sets = [({**behind[1], "use_cache_branch": torch.tensor([True])}, {o.name: behind[2].get(o.name, nothing) for o in outputs}),
            ({**behind[1], **begin[1], "use_cache_branch": torch.tensor([False])}, begin[2])]
    for n in behind[1]:
        if n.startswith("past"):  # of which the branch has no use
            sets[1][0][n] = torch.zeros(BATCH, H, 1, D)
    save(folder, name, model, sets)


def rename(g, prefix, weights):
    """Gives what g computes names that begin with prefix, and its weights, equal ones once, to the graph around it."""
    names = {v.name: v.name for v in g.input}
    for w in g.initializer:
        same = next((x for x in weights if x.dims == w.dims and x.data_type == w.data_type and x.raw_data == w.raw_data), None)
        if same is None:
            names[w.name] = prefix + w.name
            w.name = prefix + w.name
            weights.append(w)
        else:
            names[w.name] = same.name
    for n in g.node:
        n.input[:] = [names.get(x, prefix + x) if x else x for x in n.input]
        n.output[:] = [prefix + x for x in n.output]
    for v in g.output:
        v.name = prefix + v.name


MODELS = {
    "t5-step": lambda: step(drawn(T5Decoder)),
    "bart-step": lambda: step(drawn(BartDecoder)),
}
MERGED = {"t5-merged": T5Decoder, "bart-merged": BartDecoder}
