"""Newer models, and older ones as other frameworks and tools write them."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .encoders import Bert, axes, ids_and_mask
from .record import Model

W, H, D, VOCAB = 32, 4, 8, 53


def tokens(*outputs, **more):
    return {n: {0: "batch", 1: "seq"} for n in ("ids", *outputs)} | more


class SDPA(nn.Module):
    """scaled_dot_product_attention as PyTorch 2 exports it: the root of the scale, from the shape, on queries and turned keys."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.embed, self.norm = nn.Embedding(VOCAB, W), nn.LayerNorm(W)
        self.qkv, self.out = nn.ModuleList([nn.Linear(W, 3 * W) for _ in range(2)]), nn.ModuleList([nn.Linear(W, W) for _ in range(2)])

    def attend(self, q, k, v, mask):
        d = torch._shape_as_tensor(q)[-1:].to(torch.float32)
        root = torch.sqrt(torch.ones(1) / torch.sqrt(d)).to(q.dtype)
        s = torch.matmul(q * root, k.permute(0, 1, 3, 2) * root)
        if mask is None:
            n, m = torch._shape_as_tensor(q)[-2], torch._shape_as_tensor(k)[-2]
            seen = torch.tril(torch.ones(n, m))
            s = s + torch.where(seen == 0, torch.tensor(float("-inf")), torch.tensor(0.0))
        elif mask.dtype == torch.bool:
            s = s + torch.where(mask, torch.tensor(0.0), torch.tensor(float("-inf")))
        else:
            s = s + mask
        p = torch.softmax(s, -1)
        if self.kind == "nan":
            p = torch.where(torch.isnan(p), torch.tensor(0.0), p)
        return torch.matmul(p, v)

    def forward(self, ids, mask):
        b, n = ids.shape
        x = self.embed(ids)
        m = None if self.kind == "causal" else (mask[:, None, None, :] > 0).expand(b, 1, n, n)
        for qkv, out in zip(self.qkv, self.out):
            q, k, v = (t.view(b, n, H, D).transpose(1, 2) for t in qkv(self.norm(x)).split(W, -1))
            x = x + out(self.attend(q, k, v, m).transpose(1, 2).reshape(b, n, W))
        return x


def sdpa(kind):
    def make():
        ids, mask = ids_and_mask()
        return Model(SDPA(kind), {"ids": ids, "mask": mask}, ["hidden"], tokens("mask", "hidden"), opset=14)
    return make


class Keras(nn.Module):
    """MultiHeadAttention of Keras and Flax: projections to heads by Einsum, heads in third place, Dense by a product of matrices."""

    def __init__(self):
        super().__init__()
        self.w = nn.ParameterList([nn.Parameter(torch.zeros(W, H, D)) for _ in range(6)])
        self.b = nn.ParameterList([nn.Parameter(torch.zeros(H, D)) for _ in range(6)])
        self.o = nn.ParameterList([nn.Parameter(torch.zeros(H, D, W)) for _ in range(2)])
        self.ob = nn.ParameterList([nn.Parameter(torch.zeros(W)) for _ in range(2)])
        self.up, self.down = nn.Parameter(torch.zeros(W, 48)), nn.Parameter(torch.zeros(48, W))
        self.g, self.c = nn.Parameter(torch.ones(W)), nn.Parameter(torch.zeros(W))

    def norm(self, x):
        mean = x.mean(-1, keepdim=True)
        var = (x - mean).square().mean(-1, keepdim=True)
        inv = torch.rsqrt(var + 1e-6) * self.g
        return x * inv + (self.c - mean * inv)

    def forward(self, x, mask):
        for i in range(2):
            q, k, v = (torch.einsum("abc,cde->abde", x, self.w[3 * i + j]) + self.b[3 * i + j] for j in range(3))
            s = torch.einsum("aecd,abcd->acbe", k, q * (1 / math.sqrt(D)))
            s = s + (1.0 - mask.float()[:, None, None, :]) * -1e9
            y = torch.einsum("acbe,aecd->abcd", s.softmax(-1), v)
            x = self.norm(x + torch.einsum("abcd,cde->abe", y, self.o[i]) + self.ob[i])
            h = x @ self.up
            x = self.norm(x + (0.5 * h * (1.0 + torch.erf(h / 1.4142135381698608))) @ self.down)
        return x


def keras():
    mask = torch.ones(2, 6, dtype=torch.int32)
    mask[1, 3:] = 0
    return Model(Keras(), {"x": torch.randn(2, 6, W), "mask": mask}, ["y"], axes("x", "mask", "y"), opset=13)


class RMSNorm(nn.Module):
    def __init__(self, size=W, plus=0.0):
        super().__init__()
        self.weight, self.plus = nn.Parameter(torch.zeros(size)), plus

    def forward(self, x):
        y = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6)
        return (y * (self.plus + self.weight.float())).type_as(x) if self.plus else self.weight * y


def angles(n, size=D):
    f = 1.0 / (10000 ** (torch.arange(0, size, 2).float() / size))
    return torch.arange(n).float()[:, None] * f[None, :]


def half(x):
    a, b = x.chunk(2, dim=-1)
    return torch.cat((-b, a), dim=-1)


class NeoX(nn.Module):
    """Rotation of a part of each head, one projection interleaved by heads, attention and feed-forward side by side."""

    def __init__(self, interleaved):
        super().__init__()
        self.interleaved = interleaved
        self.embed, self.head = nn.Embedding(VOCAB, W), nn.Linear(W, VOCAB, bias=False)
        self.qkv, self.out = (nn.ModuleList([nn.Linear(W, o) for _ in range(2)]) for o in (3 * W, W))
        self.up, self.down = (nn.ModuleList([nn.Linear(a, b) for _ in range(2)]) for a, b in ((W, 48), (48, W)))
        self.n1, self.n2 = (nn.ModuleList([nn.LayerNorm(W) for _ in range(2)]) for _ in range(2))
        a = angles(40, 4)
        self.register_buffer("table", torch.cat([a.sin(), a.cos()], 1))
        self.register_buffer("bias", torch.tril(torch.ones(40, 40, dtype=torch.bool)).view(1, 1, 40, 40))

    def rotate(self, x, sin, cos):
        x, rest = x[..., :4], x[..., 4:]
        if self.interleaved:  # GPT-J
            turned = torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(-2)
        else:
            turned = half(x)
        return torch.cat((x * cos + turned * sin, rest), dim=-1)

    def forward(self, ids, at):
        b, n = ids.shape
        sin, cos = self.table[at].split(2, dim=-1)
        if self.interleaved:
            sin, cos = (t.repeat_interleave(2, 2)[:, None] for t in (sin, cos))
        else:
            sin, cos = (torch.cat((t, t), -1)[:, None] for t in (sin, cos))
        x = self.embed(ids)
        for i in range(2):
            f = self.qkv[i](self.n1[i](x)).view(b, n, H, 3 * D)
            q, k, v = (f[..., j * D:(j + 1) * D].permute(0, 2, 1, 3) for j in range(3))
            q, k = self.rotate(q, sin, cos), self.rotate(k, sin, cos)
            s = torch.matmul(q, k.transpose(-1, -2)) * D**-0.5
            s = torch.where(self.bias[:, :, :n, :n], s, torch.tensor(torch.finfo(s.dtype).min))
            y = torch.matmul(s.softmax(-1), v).permute(0, 2, 1, 3).reshape(b, n, W)
            h = self.up[i](self.n2[i](x))
            h = 0.5 * h * (1 + torch.tanh(0.7978845608028654 * (h + 0.044715 * h * h * h)))
            x = self.down[i](h) + self.out[i](y) + x
        return self.head(x)


def neox(interleaved):
    def make():
        at = torch.arange(5)[None].repeat(2, 1)
        # Doubling by repeat_interleave is exported for the recorded sizes only.
        dims = {} if interleaved else tokens("at", "logits")
        return Model(NeoX(interleaved), {"ids": torch.randint(VOCAB, (2, 5)), "at": at}, ["logits"], dims)
    return make


class Gemma(nn.Module):
    """One plus the scale of RMSNorm, norms of queries and keys, a cap on scores and logits, one head of keys, a window, GELU by tanh on a gate."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, W)
        self.q, self.o = (nn.ModuleList([nn.Linear(W, W, bias=False) for _ in range(2)]) for _ in range(2))
        self.kv = nn.ModuleList([nn.Linear(W, 2 * D, bias=False) for _ in range(2)])
        self.up, self.side, self.down = (nn.ModuleList([nn.Linear(a, b, bias=False) for _ in range(2)]) for a, b in ((W, 40), (W, 40), (40, W)))
        self.n = nn.ModuleList([RMSNorm(W, 1.0) for _ in range(5)])
        self.qn, self.kn = RMSNorm(D), RMSNorm(D)
        self.register_buffer("inv", 1.0 / (10000 ** (torch.arange(0, D, 2).float() / D)))

    def forward(self, ids):
        b, n = ids.shape
        x = self.embed(ids) * W**0.5
        at = torch.arange(n)
        f = torch.outer(at.float(), self.inv)
        f = torch.cat((f, f), -1)
        cos, sin = f.cos()[None, None], f.sin()[None, None]
        for i in range(2):
            h = self.n[2 * i](x)
            q = self.qn(self.q[i](h).view(b, n, H, D)).transpose(1, 2)
            k, v = self.kv[i](h).view(b, n, 1, 2 * D).transpose(1, 2).split(D, -1)
            k = self.kn(k)
            q, k = q * cos + half(q) * sin, k * cos + half(k) * sin
            k, v = k.expand(b, H, n, D), v.expand(b, H, n, D)
            s = torch.matmul(q, k.transpose(2, 3)) * 0.25
            s = torch.tanh(s / 50.0) * 50.0
            hidden = at[None, :] > at[:, None]
            if i == 1:
                hidden = hidden | (at[None, :] <= at[:, None] - 3)
            s = s + torch.zeros(n, n).masked_fill(hidden, -2.3819763e38)
            y = torch.matmul(s.softmax(-1), v).transpose(1, 2).reshape(b, n, W)
            x = x + self.o[i](y)
            h = self.n[2 * i + 1](x)
            x = x + self.down[i](F.gelu(self.up[i](h), approximate="tanh") * self.side[i](h))
        logits = F.linear(self.n[4](x), self.embed.weight)
        return torch.tanh(logits / 30.0) * 30.0


def gemma():
    return Model(Gemma(), {"ids": torch.randint(VOCAB, (2, 6))}, ["logits"], tokens("logits"))


class Roberta(nn.Module):
    """Positions counted from the tokens that are no padding; OPT's offset; a mask made of the tokens; a head that shares the embedding."""

    def __init__(self):
        super().__init__()
        self.body = Bert()
        self.dense, self.norm = nn.Linear(W, W), nn.LayerNorm(W)
        self.bias = nn.Parameter(torch.zeros(VOCAB))
        self.places = nn.Embedding(42, W, padding_idx=1)

    def forward(self, ids):
        mask = ids.ne(1).int()
        at = (torch.cumsum(mask, dim=1).type_as(mask) * mask).long() + 1
        x = self.body.words(ids) + self.places(at) + self.body.types(torch.zeros_like(ids))
        x = self.body.norm(x)
        m = (1.0 - mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        for i, attend in enumerate(self.body.layers):
            x = attend(x, m)
            x = self.body.norms[i](self.body.down[i](F.gelu(self.body.up[i](x))) + x)
        x = self.norm(F.gelu(self.dense(x)))
        return F.linear(x, self.body.words.weight) + self.bias, torch.argmax(x, -1)


def roberta():
    ids = torch.randint(2, VOCAB, (2, 7))
    ids[1, 5:] = 1
    return Model(Roberta(), {"ids": ids}, ["logits", "best"], tokens("logits", "best"))


class Segment(nn.Module):
    """SegFormer's keys of fewer places by a convolution; SAM's relative positions by Einsum; DETR's queries, which are weights."""

    def __init__(self):
        super().__init__()
        self.stem, self.reduce = nn.Conv2d(3, W, 7, 4, 3), nn.Conv2d(W, W, 2, 2)
        self.norms = nn.ModuleList([nn.LayerNorm(W) for _ in range(5)])
        self.q, self.kv, self.out = nn.Linear(W, W), nn.Linear(W, 2 * W), nn.Linear(W, W)
        self.up, self.depth, self.down = nn.Linear(W, 48), nn.Conv2d(48, 48, 3, 1, 1, groups=48), nn.Linear(48, W)
        self.qkv, self.out2 = nn.Linear(W, 3 * W), nn.Linear(W, W)
        self.rel_h, self.rel_w = nn.Parameter(torch.zeros(11, D)), nn.Parameter(torch.zeros(11, D))
        self.wanted = nn.Embedding(5, W)
        self.cross = nn.MultiheadAttention(W, H, batch_first=True)
        self.boxes = nn.Linear(W, 4)

    def positions(self, r, n):
        at = torch.arange(n)
        return r[at[:, None] - at[None, :] + n - 1]

    def forward(self, image):
        x = self.stem(image)
        b, c, h, w = x.shape
        x = x.flatten(2).transpose(1, 2)
        y = self.norms[0](x)
        q = self.q(y).reshape(b, -1, H, D).permute(0, 2, 1, 3)
        small = self.norms[1](self.reduce(y.permute(0, 2, 1).reshape(b, c, h, w)).reshape(b, c, -1).permute(0, 2, 1))
        k, v = self.kv(small).reshape(b, -1, 2, H, D).permute(2, 0, 3, 1, 4)
        p = ((q @ k.transpose(-2, -1)) * D**-0.5).softmax(-1)
        x = x + self.out((p @ v).transpose(1, 2).reshape(b, -1, c))
        y = self.up(self.norms[2](x))
        y = self.depth(y.transpose(1, 2).view(b, -1, h, w)).flatten(2).transpose(1, 2)
        x = x + self.down(F.gelu(y))
        q, k, v = self.qkv(self.norms[3](x)).reshape(b, h * w, 3, H, -1).permute(2, 0, 3, 1, 4).reshape(3, b * H, h * w, -1).unbind(0)
        s = (q * D**-0.5) @ k.transpose(-2, -1)
        r = q.reshape(b * H, h, w, D)
        rh = torch.einsum("bhwc,hkc->bhwk", r, self.positions(self.rel_h, h))
        rw = torch.einsum("bhwc,wkc->bhwk", r, self.positions(self.rel_w, w))
        s = (s.view(b * H, h, w, h, w) + rh[:, :, :, :, None] + rw[:, :, :, None, :]).view(b * H, h * w, h * w)
        y = (s.softmax(-1) @ v).view(b, H, h, w, -1).permute(0, 2, 3, 1, 4).reshape(b, h * w, -1)
        x = self.norms[4](x + self.out2(y))
        wanted = self.wanted.weight.unsqueeze(0).repeat(b, 1, 1)
        return self.boxes(wanted + self.cross(wanted, x, x, need_weights=False)[0]).sigmoid()


def segment():
    return Model(Segment(), {"image": torch.randn(2, 3, 24, 24)}, ["boxes"], {n: {0: "batch"} for n in ("image", "boxes")})


def optimum():
    """GPT-2 with the names that Hugging Face Optimum gives dimensions, one token at a time."""
    from .decoders import GPT2, caches
    past, outputs, dims = caches()
    dims = {k: {a: {"past": "past_sequence_length", "past+seq": "past_sequence_length + 1", "batch": "batch_size"}[n] for a, n in d.items()}
            for k, d in dims.items()}
    dims["input_ids"] = {0: "batch_size"}
    dims["logits"] = {0: "batch_size"}
    return Model(GPT2(True), {"input_ids": torch.randint(VOCAB, (2, 1))} | past, ["logits", *outputs], dims, opset=13)


def bert_as(**more):
    def make():
        from .encoders import bert
        m = bert(opset=15)()
        for k, v in more.items():
            setattr(m, k, v)
        if more.get("double"):
            m.module.double()
        return m
    return make


MODELS = {
    "sdpa-mask": sdpa("mask"),
    "sdpa-causal": sdpa("causal"),
    "sdpa-nan": sdpa("nan"),
    "keras": keras,
    "gpt-neox": neox(False),
    "gpt-j": neox(True),
    "gemma": gemma,
    "roberta": roberta,
    "segment": segment,
    "optimum-gpt2": optimum,
    "bert-functions": bert_as(functions=True),
    "bert-weights-as-inputs": bert_as(weights=True),
    "bert-unnamed": bert_as(unnamed=True),
    "bert-float64": bert_as(double=True),
}
