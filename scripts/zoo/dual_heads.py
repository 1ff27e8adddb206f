"""Dual attention of two layers, in the spellings of the heads: fused projections, einsum, doubled and paired heads, grouped queries."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .dual import D, H, W, stack
from .record import Model


class Einsum(nn.Module):
    """Heads by view, products by einsum with the heads in third place, never transposed."""

    def __init__(self, layer):
        super().__init__()
        self.q, self.qn, self.k, self.v, self.o = (nn.Linear(W, W, bias=False) for _ in range(5))
        self.lam = nn.Parameter(torch.zeros(H))

    def forward(self, x, mask):
        b, n, _ = x.shape
        q, qn, k, v = (f(x).view(b, n, H, D) for f in (self.q, self.qn, self.k, self.v))
        p = F.softmax(torch.einsum("bqhd,bkhd->bhqk", q, k) * D**-0.5 + mask, -1)
        pn = F.softmax(torch.einsum("bqhd,bkhd->bhqk", qn, k) * D**-0.5 + mask, -1)
        lam = self.lam[None, :, None, None]
        out = torch.einsum("bhqk,bkhd->bqhd", p - lam * pn, v)
        return self.o(out.reshape(b, n, W))


class EinsumHeadsFirst(Einsum):
    def forward(self, x, mask):
        b, n, _ = x.shape
        q, qn, k, v = (f(x).view(b, n, H, D).transpose(1, 2) for f in (self.q, self.qn, self.k, self.v))
        s = torch.einsum("bhqd,bhkd->bhqk", q / math.sqrt(D), k) + mask
        sn = torch.einsum("bhqd,bhkd->bhqk", qn / math.sqrt(D), k) + mask
        out = torch.einsum("bhij,bhjd->bhid", s.softmax(-1), v) - self.lam.view(H, 1, 1) * torch.einsum("bhij,bhjd->bhid", sn.softmax(-1), v)
        return self.o(out.transpose(1, 2).flatten(2))


class Chunk(nn.Module):
    """One projection for all, cut by chunk."""

    def __init__(self, layer):
        super().__init__()
        self.qkv, self.proj = nn.Linear(W, 5 * W), nn.Linear(W, W)
        self.lam = nn.Parameter(torch.zeros(1, H, 1, 1))
        self.scale = D**-0.5

    def forward(self, x, mask):
        b, n, c = x.shape
        q1, q2, k1, k2, v = (t.view(b, n, H, c // H).transpose(1, 2) for t in self.qkv(x).chunk(5, dim=-1))
        a1 = ((q1 @ k1.transpose(-2, -1)) * self.scale + mask).softmax(dim=-1)
        a2 = ((q2 @ k2.transpose(-2, -1)) * self.scale + mask).softmax(dim=-1)
        return self.proj(((a1 - self.lam * a2) @ v).transpose(1, 2).reshape(b, n, c))


class Unbind(Chunk):
    """As in timm: [B,N,5,H,D], permuted, unbound."""

    def forward(self, x, mask):
        b, n, c = x.shape
        q1, q2, k1, k2, v = self.qkv(x).reshape(b, n, 5, H, D).permute(2, 0, 3, 1, 4).unbind(0)
        q1, q2 = q1 * self.scale, q2 * self.scale
        a1 = (q1 @ k1.transpose(-2, -1) + mask).softmax(dim=-1)
        a2 = (q2 @ k2.transpose(-2, -1) + mask).softmax(dim=-1)
        return self.proj((a1 @ v - self.lam * (a2 @ v)).transpose(1, 2).reshape(b, n, c))


class RMSNorm(nn.Module):
    def __init__(self, size, eps=1e-5):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class Diff(nn.Module):
    """The first differential transformer: two heads of D for one value of 2D, next to each other."""

    def __init__(self, layer):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(W, W, bias=False) for _ in range(4))
        self.init = 0.8 - 0.6 * math.exp(-0.3 * layer)
        self.lam_q1, self.lam_k1, self.lam_q2, self.lam_k2 = (nn.Parameter(torch.zeros(D)) for _ in range(4))
        self.subln = RMSNorm(2 * D)

    def lam_full(self, q):
        one = torch.exp(torch.sum(self.lam_q1 * self.lam_k1, dim=-1).float()).type_as(q)
        two = torch.exp(torch.sum(self.lam_q2 * self.lam_k2, dim=-1).float()).type_as(q)
        return one - two + self.init

    def forward(self, x, mask):
        b, n, _ = x.size()
        h = H // 2
        q = self.q(x).view(b, n, 2 * h, D).transpose(1, 2) * D**-0.5
        k = self.k(x).view(b, n, 2 * h, D).transpose(1, 2)
        v = self.v(x).view(b, n, h, 2 * D).transpose(1, 2)
        w = torch.matmul(q, k.transpose(-1, -2))
        w = torch.nan_to_num(w)
        w = w + mask
        w = F.softmax(w, dim=-1, dtype=torch.float32).type_as(w)
        w = w.view(b, h, 2, n, n)
        w = w[:, :, 0] - self.lam_full(q) * w[:, :, 1]
        y = self.subln(torch.matmul(w, v)) * (1 - self.init)
        return self.out(y.transpose(1, 2).reshape(b, n, 2 * h * D))


class DiffPlain(Diff):
    """The same without the repair of NaN, the pairs picked from queries and keys."""

    def forward(self, x, mask):
        b, n, _ = x.size()
        h = H // 2
        q, k = self.q(x).view(b, n, h, 2, D), self.k(x).view(b, n, h, 2, D)
        v = self.v(x).view(b, n, h, 2 * D).transpose(1, 2)
        s1 = q[:, :, :, 0].transpose(1, 2) @ k[:, :, :, 0].permute(0, 2, 3, 1) / math.sqrt(D)
        s2 = q[:, :, :, 1].transpose(1, 2) @ k[:, :, :, 1].permute(0, 2, 3, 1) / math.sqrt(D)
        hide = float("-inf")
        a = s1.masked_fill(mask, hide).softmax(-1) - self.lam_full(q) * s2.masked_fill(mask, hide).softmax(-1)
        y = self.subln(a @ v) * (1 - self.init)
        return self.out(y.transpose(1, 2).reshape(b, n, W))


class DiffPairs(Diff):
    """Interleaved heads, the pairs cut from the probabilities without the repair of NaN."""

    def forward(self, x, mask):
        b, n, _ = x.size()
        h = H // 2
        q = self.q(x).view(b, n, 2 * h, D).transpose(1, 2) * D**-0.5
        k = self.k(x).view(b, n, 2 * h, D).transpose(1, 2)
        v = self.v(x).view(b, n, h, 2 * D).transpose(1, 2)
        w = F.softmax(q @ k.transpose(-1, -2) + mask, dim=-1).view(b, h, 2, n, n)
        w = w[:, :, 0] - self.lam_full(q) * w[:, :, 1]
        y = self.subln(torch.matmul(w, v)) * (1 - self.init)
        return self.out(y.transpose(1, 2).reshape(b, n, W))


class DiffHalves(Diff):
    """As in Hugging Face: the values are cut in two, put side by side and doubled; the outputs are cut in halves of heads."""

    def forward(self, x, mask):
        b, n, _ = x.size()
        q, k, v = (f(x).view(b, n, H, D).transpose(1, 2) for f in (self.q, self.k, self.v))
        v = torch.cat(torch.chunk(v, 2, dim=1), dim=-1).repeat(1, 2, 1, 1)
        w = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(D) + mask
        w = nn.functional.softmax(w, dim=-1, dtype=torch.float32).to(q.dtype)
        one, two = torch.chunk(torch.matmul(w, v), 2, dim=1)
        y = (1 - self.init) * self.subln(one - self.lam_full(q) * two)
        return self.out(y.transpose(1, 2).contiguous().reshape(b, n, -1))


def repeat_kv(x, times):
    b, h, n, d = x.shape
    return x[:, :, None, :, :].expand(b, h, times, n, d).reshape(b, h * times, n, d)


class Grouped(nn.Module):
    """Two groups of two queries each share keys and values, doubled by repeat_interleave or by expand and reshape."""

    def __init__(self, layer, repeat=lambda x: x.repeat_interleave(2, dim=1)):
        super().__init__()
        self.q1, self.q2, self.o = (nn.Linear(W, W, bias=False) for _ in range(3))
        self.k, self.v = nn.Linear(W, W // 2, bias=False), nn.Linear(W, W // 2, bias=False)
        self.lam = nn.Parameter(torch.zeros(H, 1, 1))
        self.repeat = repeat

    def forward(self, x, mask):
        b, n, _ = x.shape
        q1, q2 = (f(x).view(b, n, H, D).transpose(1, 2) for f in (self.q1, self.q2))
        k, v = (self.repeat(f(x).view(b, n, H // 2, D).transpose(1, 2)) for f in (self.k, self.v))
        p1 = torch.softmax(q1 @ k.transpose(2, 3) / math.sqrt(D) + mask, -1)
        p2 = torch.softmax(q2 @ k.transpose(2, 3) / math.sqrt(D) + mask, -1)
        return self.o(((1 + self.lam) * p1 - self.lam * p2).matmul(v).transpose(1, 2).reshape(b, n, W))


class PairsInGroups(nn.Module):
    """The second differential transformer: 2H queries, both of a pair in one group of keys, lambda by token and head."""

    def __init__(self, layer):
        super().__init__()
        self.q, self.k, self.v, self.o = nn.Linear(W, 2 * W), nn.Linear(W, W), nn.Linear(W, W), nn.Linear(W, W)
        self.weigh = nn.Linear(W, H)

    def forward(self, x, mask):
        b, n, _ = x.shape
        q = self.q(x).view(b, n, 2 * H, D).transpose(1, 2)
        k, v = (repeat_kv(f(x).view(b, n, H, D).transpose(1, 2), 2) for f in (self.k, self.v))
        y = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(D) + mask, -1) @ v
        y = y.transpose(1, 2)
        lam = torch.sigmoid(self.weigh(x)).unsqueeze(-1)
        y = y[:, :, 0::2] - lam * y[:, :, 1::2]
        return self.o(y.reshape(b, n, W))


class Doubled(nn.Module):
    """Both sides in one attention of twice as many heads (dim 1) or sequences (dim 0)."""

    def __init__(self, layer, dim=1):
        super().__init__()
        self.q1, self.q2, self.k, self.v, self.o = (nn.Linear(W, W) for _ in range(5))
        self.lam = nn.Parameter(torch.zeros(1, H, 1, 1))
        self.dim = dim

    def forward(self, x, mask):
        b, n, _ = x.shape
        q1, q2, k, v = (f(x).view(b, n, H, D).transpose(1, 2) for f in (self.q1, self.q2, self.k, self.v))
        q, k, v = torch.cat([q1, q2], self.dim), torch.cat([k, k], self.dim), torch.cat([v, v], self.dim)
        if self.dim == 0:
            mask = torch.cat([mask, mask], 0)
        y = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(D) + mask, -1) @ v
        if self.dim == 0:
            y1, y2 = y[:b], y[b:]
        else:
            y1, y2 = y.split(H, dim=1)
        return self.o(((1 + self.lam) * y1 - self.lam * y2).transpose(1, 2).reshape(b, n, W))


class Stacked(Doubled):
    """The two sides as a new first axis; keys and values are stretched over it."""

    def forward(self, x, mask):
        b, n, _ = x.shape
        q1, q2, k, v = (f(x).view(b, n, H, D).transpose(1, 2) for f in (self.q1, self.q2, self.k, self.v))
        p = torch.softmax(torch.stack([q1, q2]) @ k.transpose(-1, -2) / math.sqrt(D) + mask, -1)
        y = p @ v
        return self.o(((1 + self.lam) * y[0] - self.lam * y[1]).transpose(1, 2).reshape(b, n, W))


class Scripted(nn.Module):
    """What torch.jit.script sees: sizes as integers, branches, and an optional mask."""

    def __init__(self, layer):
        super().__init__()
        self.q1, self.q2, self.k, self.v, self.o = (nn.Linear(W, W) for _ in range(5))
        self.lam = nn.Parameter(torch.zeros(H, 1, 1))
        self.heads, self.scale = H, D**-0.5

    def split(self, x: torch.Tensor) -> torch.Tensor:
        b, n, w = x.shape
        return x.view(b, n, self.heads, w // self.heads).transpose(1, 2)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        q1, q2, k, v = self.split(self.q1(x)), self.split(self.q2(x)), self.split(self.k(x)), self.split(self.v(x))
        p1 = F.softmax(torch.matmul(q1, k.transpose(-2, -1)) * self.scale + mask, dim=-1)
        p2 = F.softmax(torch.matmul(q2, k.transpose(-2, -1)) * self.scale + mask, dim=-1)
        p = (1.0 + self.lam) * p1 - self.lam * p2
        if self.training:
            p = F.dropout(p, 0.1)
        y = torch.matmul(p, v).transpose(1, 2).contiguous()
        return self.o(y.view(y.size(0), y.size(1), -1))


class ScriptedModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Embedding(53, W), nn.LayerNorm(W)
        self.one, self.two = Scripted(0), Scripted(1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids)
        m = (1.0 - mask[:, None, None, :].float()) * -10000.0
        x = x + self.one(x, m)
        return self.norm(x + self.two(x, m))


def scripted():
    ids, mask = torch.randint(53, (2, 6)), torch.ones(2, 6, dtype=torch.int64)
    mask[0, 4:] = 0
    axes = {n: {0: "batch", 1: "seq"} for n in ("ids", "mask", "hidden")}
    return Model(ScriptedModel(), {"ids": ids, "mask": mask}, ["hidden"], axes, script=True)


class HalfWeights(nn.Module):
    """Weights are stored in 16 bits and cast where they are used."""

    def __init__(self, layer):
        super().__init__()
        self.w = nn.ParameterList([nn.Parameter(torch.zeros(W, W, dtype=torch.float16)) for _ in range(5)])
        self.lam = nn.Parameter(torch.zeros(H, 1, 1))

    def forward(self, x, mask):
        b, n, _ = x.shape
        q1, q2, k, v = (F.linear(x, w.float()).view(b, n, H, D).transpose(1, 2) for w in self.w[:4])
        p1 = torch.softmax(q1 @ k.transpose(-1, -2) / math.sqrt(D) + mask, -1)
        p2 = torch.softmax(q2 @ k.transpose(-1, -2) / math.sqrt(D) + mask, -1)
        return F.linear(((p1 - self.lam * p2) @ v).transpose(1, 2).reshape(b, n, W), self.w[4].float())


class CrossLayer(nn.Module):
    """Queries of one sequence, keys and values of another; one-sided lambdas."""

    def __init__(self):
        super().__init__()
        self.q1, self.q2, self.k, self.v, self.o = (nn.Linear(W, W) for _ in range(5))
        self.lam1, self.lam2 = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
        self.norm = nn.LayerNorm(W)

    def forward(self, x, y, hidden):
        def split(t):
            return t.view(*t.shape[:-1], H, D).transpose(1, 2)
        q1, q2, k, v = split(self.q1(x)), split(self.q2(x)), split(self.k(y)), split(self.v(y))
        s1 = (q1 @ k.transpose(2, 3) * D**-0.5).masked_fill(hidden, -1e4).softmax(-1)
        s2 = (q2 @ k.transpose(2, 3) * D**-0.5).masked_fill(hidden, -1e4).softmax(-1)
        out = ((1 + self.lam1) * s1 - self.lam2 * s2) @ v
        return self.norm(x + self.o(out.transpose(1, 2).flatten(2)))


class Cross(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = CrossLayer(), CrossLayer()

    def forward(self, x, y, keep):
        hidden = ~keep[:, None, None, :]
        return self.two(self.one(x, y, hidden), y, hidden)


def cross():
    keep = torch.ones(2, 9, dtype=torch.bool)
    keep[0, 6:] = False
    inputs = {"x": torch.randn(2, 5, W), "y": torch.randn(2, 9, W), "keep": keep}
    axes = {"x": {0: "batch", 1: "tgt"}, "y": {0: "batch", 1: "src"}, "keep": {0: "batch", 1: "src"}, "out": {0: "batch", 1: "tgt"}}
    return Model(Cross(), inputs, ["out"], axes)


class Extra(Chunk):
    """O - lambda·O·W_D, added to attention that was trained without."""

    def __init__(self, layer):
        super().__init__(layer)
        self.extra = nn.Parameter(torch.zeros(H, D, D))

    def forward(self, x, mask):
        b, n, c = x.shape
        q, _, k, _, v = (t.view(b, n, H, c // H).transpose(1, 2) for t in self.qkv(x).chunk(5, dim=-1))
        o = ((q @ k.transpose(-2, -1)) * self.scale + mask).softmax(dim=-1) @ v
        return self.proj((o - self.lam * (o @ self.extra)).transpose(1, 2).reshape(b, n, c))


def half(x):
    a, b = x[..., :x.shape[-1] // 2], x[..., x.shape[-1] // 2:]
    return torch.cat((-b, a), dim=-1)


class DiffLlama(Diff):
    """Hugging Face's with rotary embeddings and keys for two heads each."""

    def __init__(self, layer):
        super().__init__(layer)
        self.k, self.v = nn.Linear(W, W // 2, bias=False), nn.Linear(W, W // 2, bias=False)
        self.register_buffer("inv", 1.0 / (10000 ** (torch.arange(0, D, 2).float() / D)))

    def forward(self, x, mask):
        b, n, _ = x.size()
        q = self.q(x).view(b, n, H, D).transpose(1, 2)
        k, v = (f(x).view(b, n, H // 2, D).transpose(1, 2) for f in (self.k, self.v))
        f = torch.arange(n).float()[:, None] @ self.inv[None, :]
        f = torch.cat((f, f), dim=-1)
        cos, sin = f.cos()[None, None], f.sin()[None, None]
        q, k = q * cos + half(q) * sin, k * cos + half(k) * sin
        k, v = repeat_kv(k, 2), repeat_kv(v, 2)
        v = torch.cat(torch.chunk(v, 2, dim=1), dim=-1).repeat(1, 2, 1, 1)
        w = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(D) + mask
        w = nn.functional.softmax(w, dim=-1, dtype=torch.float32).to(q.dtype)
        one, two = torch.chunk(torch.matmul(w, v), 2, dim=1)
        y = (1 - self.init) * self.subln(one - self.lam_full(q) * two)
        return self.out(y.transpose(1, 2).contiguous().reshape(b, n, -1))


class Lerp(Chunk):
    """One side on the way to the other: o2 + w(o1 - o2) by lerp, and addcmul."""

    def __init__(self, layer):
        super().__init__(layer)
        self.first = layer == 0

    def forward(self, x, mask):
        b, n, c = x.shape
        q1, q2, k1, _, v = (t.view(b, n, H, c // H).transpose(1, 2) for t in self.qkv(x).chunk(5, dim=-1))
        o1 = ((q1 @ k1.transpose(-2, -1)) * self.scale + mask).softmax(dim=-1) @ v
        o2 = ((q2 @ k1.transpose(-2, -1)) * self.scale + mask).softmax(dim=-1) @ v
        o = torch.addcmul(o1, self.lam, o2, value=-0.5) if self.first else 1.25 * o1 - 0.25 * o2
        return self.proj(o.transpose(1, 2).reshape(b, n, c))


class Groups(nn.Module):
    """Queries with an axis for the heads of a group, which keys and values do not have."""

    def __init__(self, layer):
        super().__init__()
        self.q1, self.q2, self.o = (nn.Linear(W, W, bias=False) for _ in range(3))
        self.k, self.v = nn.Linear(W, W // 2, bias=False), nn.Linear(W, W // 2, bias=False)
        self.lam = nn.Parameter(torch.zeros(H // 2, 2, 1, 1))

    def forward(self, x, mask):
        b, n, _ = x.shape
        q1, q2 = (f(x).view(b, n, H // 2, 2, D).permute(0, 2, 3, 1, 4) for f in (self.q1, self.q2))
        k, v = (f(x).view(b, n, H // 2, 1, D).permute(0, 2, 3, 1, 4) for f in (self.k, self.v))
        m = mask.unsqueeze(2)
        p1 = torch.softmax(q1 @ k.transpose(-2, -1) / math.sqrt(D) + m, -1)
        p2 = torch.softmax(q2 @ k.transpose(-2, -1) / math.sqrt(D) + m, -1)
        y = (p1 - self.lam * p2) @ v
        return self.o(y.permute(0, 3, 1, 2, 4).reshape(b, n, W))


class Function(nn.Module):
    """Both sides by one function of sequences first, as nn.MultiheadAttention computes: [length, batch·heads, size], baddbmm with the mask."""

    def __init__(self, layer):
        super().__init__()
        self.proj, self.out = nn.Linear(W, 5 * W), nn.Linear(W, W)
        self.lam = nn.Parameter(torch.zeros(1))

    def attend(self, q, k, v, mask):
        n, b, _ = q.shape
        q, k, v = (t.contiguous().view(n, b * H, D).transpose(0, 1) for t in (q, k, v))
        w = torch.baddbmm(mask, q / math.sqrt(D), k.transpose(-2, -1)).softmax(-1)
        return torch.bmm(w, v).transpose(0, 1).contiguous().view(n * b, W)

    def forward(self, x, mask):
        b, n, _ = x.shape
        x = x.transpose(0, 1)
        q1, q2, k1, k2, v = self.proj(x).chunk(5, dim=-1)
        m = mask.view(b, 1, 1, n).expand(-1, H, -1, -1).reshape(b * H, 1, n)
        y = self.attend(q1, k1, v, m) - self.lam * self.attend(q2, k2, v, m)
        return self.out(y).view(n, b, W).transpose(0, 1)


MODELS = {
    "diff-llama": stack(DiffLlama, "min"),
    "dual-lerp": stack(Lerp),
    "dual-groups": stack(Groups),
    "dual-function": stack(Function, opset=13),
    "dual-einsum": stack(Einsum),
    "dual-einsum-heads-first": stack(EinsumHeadsFirst, "min", opset=13),
    "dual-chunk": stack(Chunk),
    "dual-unbind": stack(Unbind, opset=14),
    "diff-interleaved": stack(Diff, "triu"),
    "diff-picked": stack(DiffPlain, "both", opset=14),
    "diff-pairs": stack(DiffPairs, "triu"),
    "diff-halves": stack(DiffHalves, "min", opset=17),
    "diff-pairs-in-groups": stack(PairsInGroups, "min"),
    "dual-grouped-interleave": stack(Grouped, fixed=True),  # the exporter gets sizes that are not fixed wrong
    "dual-grouped-expand": stack(lambda i: Grouped(i, lambda x: repeat_kv(x, 2)), "triu"),
    "dual-doubled-heads": stack(Doubled),
    "dual-doubled-batch": stack(lambda i: Doubled(i, 0)),
    "dual-stacked": stack(Stacked),
    "dual-scripted": scripted,
    "dual-half-weights": stack(HalfWeights),
    "dual-cross": cross,
    "near-extra": stack(Extra),
}
