"""Dual attention of two layers, in the spellings of one head after another: where the difference is taken, the lambdas, scales, masks."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .record import Model

W, H, D, VOCAB = 24, 4, 6, 53


class Block(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(W), attention, nn.LayerNorm(W)
        self.ff = nn.Sequential(nn.Linear(W, 2 * W), nn.GELU(), nn.Linear(2 * W, W))

    def forward(self, x, mask):
        x = x + self.attention(self.norm1(x), mask)
        return x + self.ff(self.norm2(x))


class Stack(nn.Module):
    """Tokens to hidden states. kind is the mask that the layers get: numbers to add, booleans that say what is hidden or seen, or the
    causal ones of a decoder."""

    def __init__(self, attention, kind="add"):
        super().__init__()
        self.kind = kind
        self.tokens, self.places = nn.Embedding(VOCAB, W), nn.Embedding(40, W)
        self.layers = nn.ModuleList([Block(attention(i)) for i in range(2)])
        self.norm = nn.LayerNorm(W)
        self.register_buffer("tril", torch.tril(torch.ones(40, 40)).view(1, 1, 40, 40))

    def mask(self, ids, mask):
        n = ids.shape[1]
        if self.kind == "add":
            return (1.0 - mask[:, None, None, :].float()) * -10000.0
        if self.kind == "min":
            m = mask[:, None, None, :].to(torch.float32)
            return (1.0 - m) * torch.finfo(torch.float32).min
        if self.kind == "hidden":
            return (mask == 0).unsqueeze(1).unsqueeze(2)
        if self.kind == "seen":
            return mask[:, None, None, :].bool()
        if self.kind == "tril":
            return self.tril[:, :, :n, :n]
        if self.kind == "triu":
            return torch.triu(torch.full((n, n), float("-inf")), diagonal=1)
        if self.kind == "both":
            causal = torch.triu(torch.ones(n, n, dtype=torch.bool), diagonal=1)
            return causal[None, None] | (mask == 0)[:, None, None, :]
        raise ValueError(self.kind)

    def forward(self, ids, mask):
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        m = self.mask(ids, mask)
        for layer in self.layers:
            x = layer(x, m)
        return self.norm(x)


def stack(attention, kind="add", fixed=False, **options):
    def make():
        ids, mask = torch.randint(VOCAB, (2, 7)), torch.ones(2, 7, dtype=torch.int64)
        mask[1, 5:] = 0
        axes = {} if fixed else {n: {0: "batch", 1: "seq"} for n in ("input_ids", "attention_mask", "hidden")}
        return Model(Stack(attention, kind), {"input_ids": ids, "attention_mask": mask}, ["hidden"], axes, **options)
    return make


class Base(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.q1, self.q2, self.k, self.v, self.out = (nn.Linear(W, W) for _ in range(5))
        self.lam1, self.lam2 = nn.Parameter(torch.zeros(H, 1, 1)), nn.Parameter(torch.zeros(H, 1, 1))

    def split(self, x):
        return x.view(x.size(0), -1, H, D).transpose(1, 2)

    def join(self, x):
        return x.transpose(1, 2).contiguous().view(x.size(0), -1, W)

    def heads(self, x):
        return self.split(self.q1(x)), self.split(self.q2(x)), self.split(self.k(x)), self.split(self.v(x))


class ProbsPerHead(Base):
    """The difference of the probabilities, lambdas per head, 1+lambda not folded."""

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        p1 = F.softmax(q1 @ k.transpose(-2, -1) / math.sqrt(D) + mask, dim=-1)
        p2 = F.softmax(q2 @ k.transpose(-2, -1) / math.sqrt(D) + mask, dim=-1)
        return self.out(self.join(((1 + self.lam1) * p1 - self.lam2 * p2) @ v))


class OutputsScaledQ(Base):
    """The difference of the outputs, the scale on the queries, a number for lambda, masked_fill with a tril that is cut."""

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        q1, q2 = q1 * D**-0.5, q2 * D**-0.5
        s1 = torch.matmul(q1, k.transpose(2, 3)).masked_fill(mask == 0, float("-inf"))
        s2 = torch.matmul(q2, k.transpose(2, 3)).masked_fill(mask == 0, float("-inf"))
        o1, o2 = torch.matmul(s1.softmax(-1), v), torch.matmul(s2.softmax(-1), v)
        return self.out(self.join(o1 - 0.35 * o2))


class WhereScaledK(Base):
    """Where with the least number, permute for the heads, the scale on the keys, one lambda a layer through a sigmoid."""

    def __init__(self, layer):
        super().__init__(layer)
        self.lam = nn.Parameter(torch.zeros(()))

    def forward(self, x, mask):
        b, n, _ = x.shape
        q1, q2, k, v = (f(x).reshape(b, n, H, D).permute(0, 2, 1, 3) for f in (self.q1, self.q2, self.k, self.v))
        k = k / math.sqrt(D)
        low = torch.tensor(torch.finfo(torch.float32).min)
        a1 = torch.where(mask, q1 @ k.permute(0, 1, 3, 2), low).softmax(dim=-1)
        a2 = torch.where(mask, q2 @ k.permute(0, 1, 3, 2), low).softmax(dim=-1)
        lam = torch.sigmoid(self.lam)
        a = (1.0 + lam) * a1 - lam * a2
        return self.out((a @ v).permute(0, 2, 1, 3).reshape(b, n, W))


class PerToken(Base):
    """Lambda per token and head as in the second version of differential attention."""

    def __init__(self, layer):
        super().__init__(layer)
        self.weigh = nn.Linear(W, H)

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        lam = torch.sigmoid(self.weigh(x)).transpose(1, 2).unsqueeze(-1)
        scale = 1 / math.sqrt(D)
        o1 = torch.softmax(q1 @ k.transpose(-1, -2) * scale + mask, -1) @ v
        o2 = torch.softmax(q2 @ k.transpose(-1, -2) * scale + mask, -1) @ v
        return self.out(self.join(o1 - lam * o2))


class RootScale(Base):
    """The square root of the scale on both sides; masks of booleans; Dropout that evaluation leaves out."""

    def __init__(self, layer):
        super().__init__(layer)
        self.drop = nn.Dropout(0.1)

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        root = D**-0.25
        p1 = self.drop((q1 * root @ (k * root).transpose(-1, -2)).masked_fill(mask, -1e9).softmax(-1))
        p2 = self.drop((q2 * root @ (k * root).transpose(-1, -2)).masked_fill(mask, -1e9).softmax(-1))
        return self.out(self.join(torch.matmul(p1, v) * (1 + self.lam1) - torch.matmul(p2, v) * self.lam2))


class OwnKeys(Base):
    """Keys of their own for the negative side, softmax in 32 bits by name, lambda as in the first differential transformer."""

    def __init__(self, layer):
        super().__init__(layer)
        self.k2 = nn.Linear(W, W)
        self.lam_q1, self.lam_k1, self.lam_q2, self.lam_k2 = (nn.Parameter(torch.zeros(D)) for _ in range(4))
        self.init = 0.8 - 0.6 * math.exp(-0.3 * layer)

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        k2 = self.split(self.k2(x))
        lam = torch.exp((self.lam_q1 * self.lam_k1).sum(-1)) - torch.exp((self.lam_q2 * self.lam_k2).sum(-1)) + self.init
        s1 = torch.matmul(q1, k.transpose(-1, -2)) / (D**0.5) + mask
        s2 = torch.matmul(q2, k2.transpose(-1, -2)) / (D**0.5) + mask
        p = nn.functional.softmax(s1, dim=-1, dtype=torch.float32).to(q1.dtype) - lam * nn.functional.softmax(s2, dim=-1, dtype=torch.float32).to(q1.dtype)
        return self.out(self.join(p @ v))


class Folded(Base):
    """1+lambda and lambda are parameters each, of shape [1,H,1,1]; the negative queries come of the positive ones; the second side is added."""

    def __init__(self, layer):
        super().__init__(layer)
        self.lam_p, self.lam_n = nn.Parameter(torch.zeros(1, H, 1, 1)), nn.Parameter(torch.zeros(1, H, 1, 1))
        self.turn = nn.Parameter(torch.zeros(H, D, D))

    def forward(self, x, mask):
        q1, _, k, v = self.heads(x)
        q2 = F.relu(q1) @ self.turn
        kt = k.transpose(-1, -2) * D**-0.5
        p1, p2 = torch.softmax(q1 @ kt + mask, -1), torch.softmax(q2 @ kt + mask, -1)
        return self.out(self.join(self.lam_p * (p1 @ v) + (-self.lam_n) * (p2 @ v)))


class SignedScores(Base):
    """softmax(S) - softmax(-S)."""

    def forward(self, x, mask):
        q, _, k, v = self.heads(x)
        s = q @ k.transpose(-1, -2) / math.sqrt(D)
        return self.out(self.join((torch.softmax(s + mask, -1) - torch.softmax(-s + mask, -1)) @ v))


class MergedFirst(Base):
    """Each side goes back to [batch, seq, width] before the difference is taken, by a function of its own."""

    def __init__(self, layer):
        super().__init__(layer)
        self.lam = nn.Parameter(torch.zeros(1))

    def attend(self, q, k, v, mask):
        w = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(q.size(-1))
        w = w.masked_fill(mask, torch.finfo(w.dtype).min)
        return self.join(torch.matmul(torch.softmax(w, dim=-1), v))

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        return self.out(self.attend(q1, k, v, mask) - self.lam * self.attend(q2, k, v, mask))


class AlphaSub(Base):
    """torch.sub with alpha; einsum-free bmm on [batch·heads, seq, size]; the mask is repeated for the heads."""

    def flatten(self, x):
        return x.view(x.size(0), -1, H, D).transpose(1, 2).reshape(-1, x.size(1), D)

    def forward(self, x, mask):
        b, n = x.size(0), x.size(1)
        q1, q2, k, v = (self.flatten(f(x)) for f in (self.q1, self.q2, self.k, self.v))
        m = mask.expand(b, H, n, n).reshape(b * H, n, n)
        p1 = torch.softmax(torch.bmm(q1, k.transpose(1, 2)) / math.sqrt(D) + m, -1)
        p2 = torch.softmax(torch.bmm(q2, k.transpose(1, 2)) / math.sqrt(D) + m, -1)
        o = torch.sub(torch.bmm(p1, v), torch.bmm(p2, v), alpha=0.6)
        return self.out(o.view(b, H, n, D).transpose(1, 2).reshape(b, n, W))


class Sum(Base):
    """The other reading: (1+l)P+ + (1-l)P-; -inf through triu."""

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        p1 = (q1 @ k.transpose(-1, -2) / math.sqrt(D) + mask).softmax(-1)
        p2 = (q2 @ k.transpose(-1, -2) / math.sqrt(D) + mask).softmax(-1)
        return self.out(self.join(((1 + self.lam1) * p1 + (1 - self.lam2) * p2) @ v))


class NearMasks(Base):
    """A near-miss: the first side sees what comes later, the second does not."""

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        n = x.size(1)
        later = torch.triu(torch.ones(n, n, dtype=torch.bool), 1)
        p1 = torch.softmax(q1 @ k.transpose(-1, -2) / math.sqrt(D), -1)
        p2 = torch.softmax((q2 @ k.transpose(-1, -2) / math.sqrt(D)).masked_fill(later, float("-inf")), -1)
        return self.out(self.join((1 + self.lam1) * (p1 @ v) - self.lam2 * (p2 @ v)))


class NearKeys(Base):
    """A near-miss: the second side looks at every other token only."""

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        o1 = torch.softmax(q1 @ k.transpose(-1, -2) / math.sqrt(D) + mask, -1) @ v
        o2 = torch.softmax(q2 @ k[:, :, ::2].transpose(-1, -2) / math.sqrt(D) + mask[..., ::2], -1) @ v[:, :, ::2]
        return self.out(self.join(o1 - self.lam1 * o2))


class NearWeights(Base):
    """A near-miss: the weight of the second side is one number for each column of the probabilities."""

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        w = torch.sigmoid(x.mean(-1))[:, None, None, :]
        p1 = torch.softmax(q1 @ k.transpose(-1, -2) / math.sqrt(D) + mask, -1)
        p2 = torch.softmax(q2 @ k.transpose(-1, -2) / math.sqrt(D) + mask, -1)
        return self.out(self.join((p1 - w * p2) @ v))


MODELS = {
    "dual-probs-per-head": stack(ProbsPerHead),
    "dual-probs-opset9": stack(ProbsPerHead, opset=9),
    "dual-probs-fixed": stack(ProbsPerHead, fixed=True, opset=13, names=False),
    "dual-outputs-tril": stack(OutputsScaledQ, "tril"),
    "dual-where-permute": stack(WhereScaledK, "seen", opset=14),
    "dual-per-token": stack(PerToken, "triu", opset=15),
    "dual-root-scale": stack(RootScale, "hidden", opset=11),
    "dual-own-keys": stack(OwnKeys, "min", opset=17),
    "dual-folded-relu": stack(Folded),
    "dual-signed-scores": stack(SignedScores),
    "dual-merged-first": stack(MergedFirst, "hidden"),
    "dual-merged-both-masks": stack(MergedFirst, "both"),
    "dual-bmm-alpha": stack(AlphaSub),
    "dual-sum-triu": stack(Sum, "triu"),
    "near-masks": stack(NearMasks),
    "near-keys": stack(NearKeys),
    "near-weights": stack(NearWeights),
}
