"""What surrounds transformers: recurrent taggers, pooling of sentences, spans, generation by masks, scripted control flow, norms of all kinds."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .encoders import Bert, axes, ids_and_mask
from .record import Model

W, H, D, VOCAB = 32, 4, 8, 53


class Tagger(nn.Module):
    def __init__(self, kind, both, layers):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, W)
        self.body = kind(W, 24, layers, batch_first=True, bidirectional=both)
        self.head = nn.Linear(48 if both else 24, 6)

    def forward(self, ids):
        return self.head(self.body(self.embed(ids))[0]).argmax(-1), self.head(self.body(self.embed(ids))[0])


def tagger(kind, both, layers, opset=16):
    def make():
        return Model(Tagger(kind, both, layers), {"ids": torch.randint(VOCAB, (2, 6))}, ["tag", "score"], axes("ids", "tag", "score"), opset=opset)
    return make


class Sentence(nn.Module):
    """Mean of the tokens that are there, of length one, as sentence-transformers compute it; a maximum beside it."""

    def __init__(self):
        super().__init__()
        self.body = Bert()

    def forward(self, ids, mask, types):
        x = self.body(ids, mask, types)[0]
        wide = mask.unsqueeze(-1).expand(x.size()).float()
        mean = torch.sum(x * wide, 1) / torch.clamp(wide.sum(1), min=1e-9)
        low = x.clone()
        low[wide == 0] = -1e9
        return F.normalize(mean, p=2, dim=1), torch.max(low, 1)[0]


def sentence():
    ids, mask = ids_and_mask()
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.randint(2, (2, 7))}
    return Model(Sentence(), inputs, ["mean", "max"], axes(*inputs) | {"mean": {0: "batch"}, "max": {0: "batch"}})


class Span(nn.Module):
    """Start and end of an answer, the most likely places, and a table of pairs that come in order."""

    def __init__(self):
        super().__init__()
        self.body, self.ends = Bert(), nn.Linear(W, 2)

    def forward(self, ids, mask, types):
        start, end = self.ends(self.body(ids, mask, types)[0]).split(1, dim=-1)
        start, end = start.squeeze(-1).contiguous(), end.squeeze(-1).contiguous()
        pairs = torch.triu(start.softmax(-1)[:, :, None] * end.softmax(-1)[:, None, :])
        best = pairs.flatten(1).topk(2)
        return start, end, best.values, best.indices // ids.shape[1], best.indices % ids.shape[1]


def span():
    m = sentence()
    m.module, m.outputs = Span(), ["start", "end", "score", "from", "to"]
    m.axes = axes("input_ids", "attention_mask", "token_type_ids", "start", "end") | {n: {0: "batch"} for n in ("score", "from", "to")}
    return m


class Norms(nn.Module):
    """Normalisations as people write them, one after the other, and activations."""

    def __init__(self):
        super().__init__()
        self.g, self.b = nn.ParameterList([nn.Parameter(torch.ones(W)) for _ in range(8)]), nn.ParameterList([nn.Parameter(torch.zeros(W)) for _ in range(8)])
        self.lin = nn.ModuleList([nn.Linear(W, W) for _ in range(10)])
        self.group, self.plain = nn.GroupNorm(4, W), nn.LayerNorm(W, elementwise_affine=False, eps=1e-3)
        self.wide = nn.LayerNorm([5, W])

    def written(self, x, i):
        mean = x.mean(-1, keepdim=True)
        var = (x - mean).pow(2).mean(-1, keepdim=True)
        return self.g[i] * ((x - mean) / torch.sqrt(var + 1e-6)) + self.b[i]

    def by_std(self, x, i):
        mean, std = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        return self.g[i] * (x - mean) / (std + 1e-6) + self.b[i]

    def by_var(self, x, i):
        v = x.var(-1, unbiased=False, keepdim=True)
        return (x - x.mean(-1, keepdim=True)) * torch.rsqrt(v + 1e-5) * self.g[i] + self.b[i]

    def rms(self, x, i):
        return x / torch.sqrt(torch.mean(x * x, dim=-1, keepdim=True) + 1e-6) * self.g[i]

    def rms_by_norm(self, x, i):
        return self.g[i] * x / (x.norm(2, dim=-1, keepdim=True) * W**-0.5 + 1e-8)

    def gemma(self, x, i):
        return (x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6)) * (1.0 + self.g[i].float())

    def forward(self, x):
        x = x + F.gelu(self.lin[0](self.written(x, 0)))
        x = x + F.gelu(self.lin[1](self.by_std(x, 1)), approximate="tanh")
        x = x + F.mish(self.lin[2](self.by_var(x, 2)))
        h = self.lin[3](self.rms(x, 3))
        x = x + h * 0.5 * (1.0 + torch.erf(h / math.sqrt(2.0)))
        h = self.lin[4](self.rms_by_norm(x, 4))
        x = x + 0.5 * h * (1 + torch.tanh(h * 0.7978845608 * (1 + 0.044715 * h * h)))
        x = x + F.hardswish(self.lin[5](self.gemma(x, 5)))
        h = self.lin[6](self.plain(x))
        x = x + F.relu(h) ** 2
        x = x + F.elu(self.lin[7](self.group(x.transpose(1, 2)).transpose(1, 2)))
        h = self.lin[8](self.wide(x))
        return x + F.softplus(h) + F.leaky_relu(self.lin[9](x), 0.2)


def norms():
    return Model(Norms(), {"x": torch.randn(2, 5, W)}, ["y"], {n: {0: "batch"} for n in ("x", "y")})


class Loop(nn.Module):
    """What scripting leaves: a loop as often as an input says, a branch on what the input holds."""

    def __init__(self):
        super().__init__()
        self.embed, self.step, self.head = nn.Embedding(VOCAB, W), nn.Linear(W, W), nn.Linear(W, 5)

    def forward(self, ids: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids)
        for i in range(int(times)):
            x = x + torch.tanh(self.step(x))
        if int(ids.sum()) > 100:
            x = x * 0.5
        else:
            x = x - 1.0
        return self.head(x)


def loop():
    axes_ = {"ids": {0: "batch", 1: "seq"}, "y": {0: "batch", 1: "seq"}}
    return Model(Loop(), {"ids": torch.randint(VOCAB, (2, 6)), "times": torch.tensor(3)}, ["y"], axes_, script=True)


class Experts(nn.Module):
    """A mixture of experts: the weights of two of four by topk and scatter, all computed."""

    def __init__(self):
        super().__init__()
        self.route, self.up, self.down = nn.Linear(W, 4), nn.Parameter(torch.zeros(4, W, 24)), nn.Parameter(torch.zeros(4, 24, W))

    def forward(self, x):
        p, i = torch.topk(self.route(x), 2, dim=-1)
        w = torch.zeros(x.shape[0], x.shape[1], 4).scatter(-1, i, p.softmax(-1))
        h = F.silu(torch.einsum("bnw,ewf->bnef", x, self.up))
        return torch.einsum("bnef,efw,bne->bnw", h, self.down, w), F.one_hot(i[..., 0], 4)


def experts():
    return Model(Experts(), {"x": torch.randn(2, 5, W)}, ["y", "first"], {n: {0: "batch", 1: "seq"} for n in ("x", "y", "first")})


class Favor(nn.Module):
    """Linear attention of positive features, whole and as running sums; a gate by tanh."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o, self.turn = (nn.Linear(W, W) for _ in range(5))

    def forward(self, x):
        b, n, _ = x.shape
        q, k, v = (f(x).view(b, n, H, D).transpose(1, 2) for f in (self.q, self.k, self.v))
        q, k = F.elu(q) + 1, F.elu(k) + 1
        y = q @ (k.transpose(-1, -2) @ v) / (q @ k.sum(dim=-2).unsqueeze(-1) + 1e-6)
        kv = (k.unsqueeze(-1) * v.unsqueeze(-2)).cumsum(dim=2)
        z = torch.einsum("bhnd,bhnde->bhne", q, kv) / (q * k.cumsum(dim=2)).sum(-1, keepdim=True)
        y = (y + z).transpose(1, 2).reshape(b, n, W)
        return self.o(y) * torch.tanh(self.turn(x))


def favor():
    return Model(Favor(), {"x": torch.randn(2, 6, W)}, ["y"], {n: {0: "batch", 1: "seq"} for n in ("x", "y")})


MODELS = {
    "lstm-tagger": tagger(nn.LSTM, True, 2),
    "gru-tagger": tagger(nn.GRU, False, 1, 11),
    "rnn-tagger": tagger(nn.RNN, True, 1, 14),
    "sentence": sentence,
    "span": span,
    "norms": norms,
    "loop": loop,
    "experts": experts,
    "linear-attention": favor,
}
