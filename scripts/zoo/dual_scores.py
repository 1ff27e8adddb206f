"""Dual attention of two layers, in the spellings of what stands between scores and values: masks, temperatures, sinks, sums."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .dual import Base, D, H, W, stack


class TwoFills(Base):
    """masked_fill once for what comes later and once for padding."""

    def probabilities(self, q, k, hidden):
        n = q.size(2)
        later = torch.triu(torch.ones(n, n, dtype=torch.bool), 1)
        s = q @ k.transpose(-1, -2) / math.sqrt(D)
        return s.masked_fill(later, float("-inf")).masked_fill(hidden, float("-inf")).softmax(-1)

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        p = (1 + self.lam1) * self.probabilities(q1, k, mask) - self.lam2 * self.probabilities(q2, k, mask)
        return self.out(self.join(p @ v))


class FillThenScale(TwoFills):
    """The scale behind the mask; the difference divided by the sum of its rows."""

    def probabilities(self, q, k, hidden):
        return ((q @ k.transpose(-1, -2)).masked_fill(hidden, -1e20) / math.sqrt(D)).softmax(-1)

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        p = self.probabilities(q1, k, mask) - self.lam2 * self.probabilities(q2, k, mask)
        return self.out(self.join(p / (1 - 0.5 * self.lam2) @ v))


class Guarded(TwoFills):
    """Tokens see tokens of their own kind only, padding nothing but padding: nan_to_num."""

    def probabilities(self, q, k, seen):
        s = (q @ k.transpose(-1, -2) / math.sqrt(D)).masked_fill(~(seen & seen.transpose(-1, -2)), float("-inf"))
        return s.softmax(-1).nan_to_num(0.0)


class Temperature(TwoFills):
    """Lengths of queries and keys 1, a temperature for each head that is learned, as in Swin v2; distances subtracted; exp of log_softmax."""

    def __init__(self, layer):
        super().__init__(layer)
        self.log_scale = nn.Parameter(torch.zeros(H, 1, 1))

    def probabilities(self, q, k, mask):
        s = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-1, -2) * torch.clamp(self.log_scale, max=4.6).exp()
        place = torch.arange(q.size(2))
        away = (place[None, :] - place[:, None]).abs().float()
        return F.log_softmax(s - 0.1 * away + mask, dim=-1).exp()


class Sink(TwoFills):
    """One more column for each head, which the softmax is of and the values are not, as in GPT-OSS."""

    def __init__(self, layer):
        super().__init__(layer)
        self.sinks = nn.Parameter(torch.zeros(H))

    def probabilities(self, q, k, mask):
        s = q @ k.transpose(-1, -2) / math.sqrt(D) + mask
        s = torch.cat([s, self.sinks.reshape(1, -1, 1, 1).expand(q.shape[0], -1, q.shape[2], -1)], dim=-1)
        s = s - s.max(dim=-1, keepdim=True).values
        return F.softmax(s, dim=-1)[..., :-1]


class OneSoftmax(Base):
    """Heads of both sides in one softmax, which is cut in two."""

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        s = torch.cat([q1, q2], 1) @ torch.cat([k, k], 1).transpose(-1, -2) / math.sqrt(D)
        p1, p2 = (s + mask).softmax(-1).chunk(2, dim=1)
        return self.out(self.join((p1 - self.lam2 * p2) @ v))


class SummedSides(Base):
    """Sides are an axis of their own, which is summed with weights; one gate for each token behind it."""

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        p = (torch.stack([q1, q2], 1) @ k.unsqueeze(1).transpose(-1, -2) / math.sqrt(D) + mask.unsqueeze(1)).softmax(-1)
        weights = torch.stack([1 + self.lam1, -self.lam2])[None]
        return self.out(self.join((p @ v.unsqueeze(1) * weights).sum(1)))


class TokenGate(Base):
    """One gate for each token, behind heads that were put together."""

    def __init__(self, layer):
        super().__init__(layer)
        self.weigh = nn.Linear(W, 1)

    def forward(self, x, mask):
        q1, q2, k, v = self.heads(x)
        g = torch.sigmoid(self.weigh(x))
        o1, o2 = (self.join((q @ k.transpose(-1, -2) / math.sqrt(D) + mask).softmax(-1) @ v) for q in (q1, q2))
        return self.out((1 + g) * o1 - g * o2)


class MultiQuery(nn.Module):
    """Heads share one matrix of keys and one of values, by einsum."""

    def __init__(self, layer):
        super().__init__()
        self.q1, self.q2, self.k, self.v, self.o = nn.Linear(W, W), nn.Linear(W, W), nn.Linear(W, D), nn.Linear(W, D), nn.Linear(W, W)
        self.lam = nn.Parameter(torch.zeros(H, 1, 1))

    def forward(self, x, mask):
        b, n, _ = x.shape
        q1, q2 = (f(x).view(b, n, H, D).transpose(1, 2) for f in (self.q1, self.q2))
        k, v = self.k(x), self.v(x)
        p1, p2 = ((torch.einsum("bhid,bjd->bhij", q, k) * D**-0.5 + mask).softmax(-1) for q in (q1, q2))
        y = torch.einsum("bhij,bjd->bhid", p1 - self.lam * p2, v)
        return self.o(y.transpose(1, 2).reshape(b, n, W))


class LengthsLast(nn.Module):
    """Channels first and lengths last, as in attention of images; values times the turned probabilities."""

    def __init__(self, layer):
        super().__init__()
        self.qkv, self.o = nn.Conv1d(W, 4 * W, 1), nn.Conv1d(W, W, 1)
        self.lam = nn.Parameter(torch.zeros(H, 1, 1))

    def forward(self, x, mask):
        b, n, _ = x.shape
        q1, q2, k, v = self.qkv(x.transpose(1, 2)).view(b, 4, H, D, n).unbind(1)
        p1, p2 = ((q.transpose(-2, -1) @ k * D**-0.5 + mask).softmax(-1) for q in (q1, q2))
        y = v @ (p1 - self.lam * p2).transpose(-2, -1)
        return self.o(y.reshape(b, W, n)).transpose(1, 2)


MODELS = {
    "dual-two-fills": stack(TwoFills, "hidden"),
    "dual-fill-then-scale": stack(FillThenScale, "hidden"),
    "dual-guarded": stack(Guarded, "seen"),
    "dual-temperature": stack(Temperature),
    "dual-sink-column": stack(Sink),
    "dual-one-softmax": stack(OneSoftmax, "min"),
    "dual-summed-sides": stack(SummedSides),
    "dual-token-gate": stack(TokenGate, "triu"),
    "dual-multi-query": stack(MultiQuery, opset=17),
    "dual-lengths-last": stack(LengthsLast, "min"),
}
