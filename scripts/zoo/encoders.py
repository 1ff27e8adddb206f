"""Encoders of plain attention: PyTorch's own modules, and those of well-known models written as their authors write them."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .record import Model

W, H, D, VOCAB = 32, 4, 8, 53


def ids_and_mask(n=7):
    ids, mask = torch.randint(VOCAB, (2, n)), torch.ones(2, n, dtype=torch.int64)
    mask[1, n - 2:] = 0
    return ids, mask


def axes(*names):
    return {n: {0: "batch", 1: "seq"} for n in names}


class Torch(nn.Module):
    """nn.TransformerEncoder with a padding mask, perhaps a causal one, before- or after-norm, batch first or second."""

    def __init__(self, pad=True, causal=False, **options):
        super().__init__()
        self.first, self.pad, self.causal = options.get("batch_first", True), pad, causal
        options["batch_first"] = self.first
        self.embed = nn.Embedding(VOCAB, W)
        layer = nn.TransformerEncoderLayer(W, H, 2 * W, **options)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(W) if options.get("norm_first") else None)

    def forward(self, ids, mask):
        x = self.embed(ids) * math.sqrt(W)
        pad = (mask == 0) if self.pad else None
        n = ids.shape[1]
        causal = torch.triu(torch.full((n, n), float("-inf")), 1) if self.causal else None
        if self.first:
            return self.encoder(x, mask=causal, src_key_padding_mask=pad)
        return self.encoder(x.transpose(0, 1), mask=causal, src_key_padding_mask=pad).transpose(0, 1)


def torch_encoder(dims=True, opset=16, keep=True, **options):
    def make():
        ids, mask = ids_and_mask()
        inputs = {"ids": ids, "mask": mask}
        return Model(Torch(**options), inputs, ["hidden"], axes("ids", "mask", "hidden") if dims else {}, opset=opset, fold=keep)
    return make


class Multihead(nn.Module):
    """nn.MultiheadAttention, self and cross, other sizes of keys and values, with the mean of the probabilities as a second result."""

    def __init__(self):
        super().__init__()
        self.own = nn.MultiheadAttention(W, H, batch_first=True)
        self.cross = nn.MultiheadAttention(W, H, kdim=24, vdim=20, batch_first=True, bias=False)

    def forward(self, x, k, v, hidden, bias):
        y = x + self.own(x, x, x, attn_mask=bias, need_weights=False)[0]
        z, p = self.cross(y, k, v, key_padding_mask=hidden)
        return y + z, p


def multihead():
    hidden = torch.zeros(2, 6, dtype=torch.bool)
    hidden[1, 4:] = True
    inputs = {"x": torch.randn(2, 5, W), "k": torch.randn(2, 6, 24), "v": torch.randn(2, 6, 20), "hidden": hidden, "bias": torch.randn(5, 5)}
    dims = {"x": {0: "batch", 1: "tgt"}, "k": {0: "batch", 1: "src"}, "v": {0: "batch", 1: "src"}, "hidden": {0: "batch", 1: "src"},
            "bias": {0: "tgt", 1: "tgt"}, "y": {0: "batch", 1: "tgt"}, "p": {0: "batch", 1: "tgt", 2: "src"}}
    return Model(Multihead(), inputs, ["y", "p"], dims, opset=13)


class SelfAttention(nn.Module):
    """As in BERT: transpose_for_scores, the scale as a divisor, the extended mask added."""

    def __init__(self, q_scale=False):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(W, W), nn.Linear(W, W), nn.Linear(W, W)
        self.out, self.norm = nn.Linear(W, W), nn.LayerNorm(W, eps=1e-12)
        self.drop = nn.Dropout(0.1)

    def transpose_for_scores(self, x):
        return x.view(x.size()[:-1] + (H, D)).permute(0, 2, 1, 3)

    def forward(self, x, mask):
        q, k, v = (self.transpose_for_scores(f(x)) for f in (self.query, self.key, self.value))
        s = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(D) + mask
        y = torch.matmul(self.drop(F.softmax(s, dim=-1)), v).permute(0, 2, 1, 3).contiguous()
        return self.norm(self.drop(self.out(y.view(y.size()[:-2] + (W,)))) + x)


class Bert(nn.Module):
    """Three embeddings with position ids cut from a buffer, a mask by the least number, a pooler, ELECTRA's projection if wanted."""

    def __init__(self, size=W, embed=W):
        super().__init__()
        self.words, self.places, self.types = nn.Embedding(VOCAB, embed, padding_idx=0), nn.Embedding(40, embed), nn.Embedding(2, embed)
        self.norm = nn.LayerNorm(embed, eps=1e-12)
        self.project = nn.Linear(embed, W) if embed != W else nn.Identity()
        self.register_buffer("position_ids", torch.arange(40).expand((1, -1)))
        self.layers = nn.ModuleList([SelfAttention() for _ in range(2)])
        self.up = nn.ModuleList([nn.Linear(W, 2 * W) for _ in range(2)])
        self.down = nn.ModuleList([nn.Linear(2 * W, W) for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(W, eps=1e-12) for _ in range(2)])
        self.pool = nn.Linear(W, W)

    def forward(self, ids, mask, types):
        n = ids.size()[1]
        x = self.words(ids) + self.types(types)
        x = self.project(self.norm(x + self.places(self.position_ids[:, 0:n])))
        m = mask[:, None, None, :].to(dtype=x.dtype)
        m = (1.0 - m) * torch.finfo(x.dtype).min
        for attend, up, down, norm in zip(self.layers, self.up, self.down, self.norms):
            x = attend(x, m)
            x = norm(down(F.gelu(up(x))) + x)
        return x, torch.tanh(self.pool(x[:, 0]))


def bert(opset=14, dims=True, embed=W, **options):
    def make():
        ids, mask = ids_and_mask()
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.randint(2, (2, 7))}
        a = axes("input_ids", "attention_mask", "token_type_ids", "last_hidden_state") | {"pooler_output": {0: "batch"}}
        return Model(Bert(embed=embed), inputs, ["last_hidden_state", "pooler_output"], a if dims else {}, opset=opset, **options)
    return make


class DistilAttention(nn.Module):
    """The scale on the queries, the mask viewed, expanded to the scores and filled with the least number."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(W, W) for _ in range(4))

    def forward(self, x, mask):
        b, n = x.size(0), x.size(1)

        def shape(t):
            return t.view(b, -1, H, D).transpose(1, 2)
        q, k, v = shape(self.q(x)) / math.sqrt(D), shape(self.k(x)), shape(self.v(x))
        s = torch.matmul(q, k.transpose(2, 3))
        hidden = (mask == 0).view(b, 1, 1, n).expand_as(s)
        s = s.masked_fill(hidden, torch.tensor(torch.finfo(s.dtype).min))
        y = torch.matmul(nn.functional.softmax(s, dim=-1), v)
        return self.out(y.transpose(1, 2).contiguous().view(b, -1, H * D))


class Distil(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(VOCAB, W), nn.Embedding(40, W)
        self.attend = nn.ModuleList([DistilAttention() for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(W, eps=1e-12) for _ in range(5)])
        self.ff = nn.ModuleList([nn.Sequential(nn.Linear(W, 48), nn.GELU(), nn.Linear(48, W)) for _ in range(2)])
        self.classify = nn.Linear(W, 3)

    def forward(self, ids, mask):
        n = ids.size(1)
        at = torch.arange(n, dtype=torch.long, device=ids.device).unsqueeze(0).expand_as(ids)
        x = self.norms[4](self.words(ids) + self.places(at))
        for i in range(2):
            x = self.norms[i](self.attend[i](x, mask) + x)
            x = self.norms[2 + i](self.ff[i](x) + x)
        return self.classify(F.relu(x[:, 0])).log_softmax(-1), x.argmax(-1)


def distil(opset=16):
    def make():
        ids, mask = ids_and_mask()
        return Model(Distil(), {"ids": ids, "mask": mask}, ["logits", "best"], axes("ids", "mask", "best") | {"logits": {0: "batch"}}, opset=opset)
    return make


class DisentangledAttention(nn.Module):
    """As in DeBERTa: content to position and position to content, by Gather along the keys."""

    def __init__(self, reach=4):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(W, W) for _ in range(4))
        self.reach = reach

    def split(self, x):
        x = x.view(x.size()[:-1] + (H, -1))
        return x.permute(0, 2, 1, 3).contiguous().view(-1, x.size(1), x.size(-1))

    def forward(self, x, mask, places, relative):
        b, n = x.size(0), x.size(1)
        q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
        scale = math.sqrt(D * 3)
        s = torch.bmm(q, k.transpose(-1, -2) / scale)
        pk, pq = (self.split(f(places).unsqueeze(0)).repeat(b, 1, 1) for f in (self.k, self.q))
        at = torch.clamp(relative + self.reach, 0, self.reach * 2 - 1)
        c2p = torch.bmm(q, pk.transpose(-1, -2))
        s = s + torch.gather(c2p, dim=-1, index=at.unsqueeze(0).expand(c2p.size(0), n, n)) / scale
        p2c = torch.bmm(k, pq.transpose(-1, -2))
        back = torch.clamp(-relative + self.reach, 0, self.reach * 2 - 1)
        s = s + torch.gather(p2c, dim=-1, index=back.unsqueeze(0).expand(p2c.size(0), n, n)).transpose(-1, -2) / scale
        s = s.view(-1, H, n, n)
        hidden = ~mask
        p = torch.softmax(s.masked_fill(hidden, torch.finfo(s.dtype).min), -1).masked_fill(hidden, 0.0)
        y = torch.bmm(p.view(-1, n, n), v)
        return self.out(y.view(-1, H, n, D).permute(0, 2, 1, 3).contiguous().view(b, n, -1))


class Deberta(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.places = nn.Embedding(VOCAB, W), nn.Embedding(8, W)
        self.attend = nn.ModuleList([DisentangledAttention() for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(W, eps=1e-7) for _ in range(2)])

    def forward(self, ids, mask):
        x = self.embed(ids)
        x = x * mask.unsqueeze(-1).to(x.dtype)
        wide = mask.unsqueeze(1).unsqueeze(2)
        wide = (wide * wide.squeeze(-2).unsqueeze(-1)).bool()
        n = ids.size(1)
        relative = torch.arange(n)[:, None] - torch.arange(n)[None, :]
        for attend, norm in zip(self.attend, self.norms):
            x = norm(attend(x, wide, self.places.weight, relative) + x)
        return x


def deberta():
    ids, mask = ids_and_mask()
    return Model(Deberta(), {"ids": ids, "mask": mask}, ["hidden"], axes("ids", "mask", "hidden"))


class Shifted(nn.Module):
    """XLNet's: lengths first, places by the shifted product, a third product for segments, and a mask of ones that is subtracted."""

    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Embedding(VOCAB, W), nn.LayerNorm(W, eps=1e-12)
        self.q, self.k, self.v, self.o, self.r = (nn.Parameter(torch.randn(W, H, D) * 0.2) for _ in range(5))
        self.by_word, self.by_place, self.by_segment = (nn.Parameter(torch.randn(H, D) * 0.2) for _ in range(3))
        self.segments = nn.Parameter(torch.randn(2, H, D) * 0.2)

    def forward(self, ids, mask, segments):
        x = self.embed(ids).transpose(0, 1)
        n = x.shape[0]
        hidden = (1 - mask.float()).transpose(0, 1)[None, :, :, None]
        other = F.one_hot((segments.t()[:, None] != segments.t()[None, :]).long(), 2).float()
        at = torch.arange(n, -n, -1.0)[:, None] * 10000 ** -(torch.arange(0, W, 2.0) / W)[None, :]
        at = torch.cat([at.sin(), at.cos()], -1)
        q, k, v = (torch.einsum("ibh,hnd->ibnd", x, w) for w in (self.q, self.k, self.v))
        r = torch.einsum("ih,hnd->ind", at, self.r)
        ac = torch.einsum("ibnd,jbnd->bnij", q + self.by_word, k)
        bd = torch.einsum("ibnd,jnd->bnij", q + self.by_place, r)
        b = bd.shape[0]
        bd = bd.reshape(b, H, 2 * n, n)[:, :, 1:].reshape(b, H, n, 2 * n - 1)[..., :n]
        ef = torch.einsum("ijbs,ibns->bnij", other, torch.einsum("ibnd,snd->ibns", q + self.by_segment, self.segments))
        s = (ac + bd + ef) * D**-0.5
        s = s - 1e30 * torch.einsum("ijbn->bnij", hidden)
        y = torch.einsum("bnij,jbnd->ibnd", s.softmax(-1), v)
        return self.norm(x + torch.einsum("ibnd,hnd->ibh", y, self.o)).transpose(0, 1)


def xlnet():
    ids, mask = ids_and_mask()
    segments = (torch.arange(7) > 3).long().expand(2, 7).contiguous()
    inputs = {"ids": ids, "mask": mask, "segments": segments}
    return Model(Shifted(), inputs, ["hidden"], axes("ids", "mask", "segments", "hidden"))


class Windowed(nn.Module):
    """Sliding windows as in Longformer, by overlapping chunks of a padded sequence: unfold of keys and values."""

    def __init__(self, reach=2):
        super().__init__()
        self.reach = reach
        self.embed = nn.Embedding(VOCAB, W)
        self.q, self.k, self.v, self.out = (nn.Linear(W, W) for _ in range(4))
        self.norm = nn.LayerNorm(W, elementwise_affine=False)

    def forward(self, ids):
        x = self.embed(ids)
        b, n, r = x.size(0), x.size(1), self.reach
        q, k, v = (f(x).view(b, n, H, D).transpose(1, 2) for f in (self.q, self.k, self.v))
        at = torch.arange(n)
        near = ((at[:, None] - at[None, :]).abs() <= r)
        s = (q @ k.transpose(-1, -2) * D**-0.5).masked_fill(~near, float("-inf"))
        y = (s.softmax(-1) @ v).transpose(1, 2).reshape(b, n, W)
        x = self.norm(x + self.out(y))
        # The same by gathering each token's window.
        kp, vp = (F.pad(f(x), (0, 0, r, r)).view(b, n + 2 * r, H, D) for f in (self.k, self.v))
        index = at[:, None] + torch.arange(2 * r + 1)[None, :]
        kw, vw = kp[:, index], vp[:, index]
        q = self.q(x).view(b, n, H, D)
        s = torch.einsum("bnhd,bnwhd->bnhw", q, kw) * D**-0.5
        inside = (index >= r) & (index < n + r)
        s = s.masked_fill(~inside[None, :, None, :], -1e9)
        return self.norm(x + self.out(torch.einsum("bnhw,bnwhd->bnhd", s.softmax(-1), vw).reshape(b, n, W)))


def windowed():
    return Model(Windowed(), {"ids": torch.randint(VOCAB, (2, 9))}, ["hidden"], axes("ids", "hidden"))


def half(float16):
    def make():
        m = bert(opset=16)()
        m.module.bfloat16()
        m.half, m.atol = float16, 0.02 if float16 else 0.1
        return m
    return make


MODELS = {
    "torch-encoder": torch_encoder(),
    "torch-encoder-opset11": torch_encoder(opset=11),
    "torch-encoder-opset9": torch_encoder(opset=9),
    "torch-encoder-norm-first-gelu": torch_encoder(norm_first=True, activation="gelu", opset=17),
    "torch-encoder-causal-seq-first": torch_encoder(pad=False, causal=True, batch_first=False, opset=14),
    "torch-encoder-both-masks": torch_encoder(causal=True, opset=15),
    "torch-encoder-fixed": torch_encoder(dims=False, opset=13),
    "torch-encoder-unfolded": torch_encoder(keep=False),
    "torch-multihead": multihead,
    "bert": bert(),
    "bert-opset10": bert(opset=10),
    "bert-opset11": bert(opset=11),
    "bert-opset17": bert(opset=17),
    "bert-fixed": bert(dims=False, opset=13),
    "bert-unfolded": bert(fold=False, names=False),
    "electra": bert(embed=20, opset=12),
    "distilbert": distil(),
    "distilbert-opset11": distil(11),
    "deberta": deberta,
    "xlnet": xlnet,
    "longformer": windowed,
    "bert-bfloat16": half(False),
    "bert-float16": half(True),
}
