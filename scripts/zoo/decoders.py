"""Decoders and encoder-decoders: PyTorch's own, GPT-2, LLaMA, ALiBi, T5, BART, with and without a cache of keys and values."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .record import Model

W, H, D, VOCAB = 32, 4, 8, 53


class TorchTransformer(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.src, self.tgt = nn.Embedding(VOCAB, W), nn.Embedding(VOCAB, W)
        self.body = nn.Transformer(W, H, 1, 2, 40, batch_first=True, **options)
        self.head = nn.Linear(W, VOCAB)

    def forward(self, src, tgt, hidden):
        n = tgt.size(1)
        causal = torch.triu(torch.ones(n, n, dtype=torch.bool), diagonal=1)
        y = self.body(self.src(src), self.tgt(tgt), tgt_mask=causal, src_key_padding_mask=hidden, memory_key_padding_mask=hidden)
        return self.head(y)


def torch_transformer(opset, **options):
    def make():
        hidden = torch.zeros(2, 6, dtype=torch.bool)
        hidden[0, 4:] = True
        inputs = {"src": torch.randint(VOCAB, (2, 6)), "tgt": torch.randint(VOCAB, (2, 5)), "hidden": hidden}
        axes = {"src": {0: "batch", 1: "src_len"}, "tgt": {0: "batch", 1: "tgt_len"}, "hidden": {0: "batch", 1: "src_len"},
                "logits": {0: "batch", 1: "tgt_len"}}
        return Model(TorchTransformer(**options), inputs, ["logits"], axes, opset=opset)
    return make


class TorchDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.TransformerDecoder(nn.TransformerDecoderLayer(W, H, 2 * W, activation="gelu", norm_first=True), 2, nn.LayerNorm(W))

    def forward(self, tgt, memory):
        n = tgt.size(0)
        causal = (torch.triu(torch.ones(n, n)) == 1).transpose(0, 1)
        causal = causal.float().masked_fill(causal == 0, float("-inf")).masked_fill(causal == 1, 0.0)
        return self.body(tgt, memory, tgt_mask=causal)


def torch_decoder():
    inputs = {"tgt": torch.randn(5, 2, W), "memory": torch.randn(7, 2, W)}
    axes = {"tgt": {0: "tgt", 1: "batch"}, "memory": {0: "src", 1: "batch"}, "y": {0: "tgt", 1: "batch"}}
    return Model(TorchDecoder(), inputs, ["y"], axes)


class Conv1D(nn.Module):
    """GPT-2's linear layer: addmm on rows."""

    def __init__(self, out, size):
        super().__init__()
        self.out = out
        self.weight, self.bias = nn.Parameter(torch.zeros(size, out)), nn.Parameter(torch.zeros(out))

    def forward(self, x):
        shape = x.size()[:-1] + (self.out,)
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(shape)


def gelu_new(x):
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


class GPT2Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(W), nn.LayerNorm(W)
        self.c_attn, self.c_proj = Conv1D(3 * W, W), Conv1D(W, W)
        self.c_fc, self.c_out = Conv1D(4 * W, W), Conv1D(W, 4 * W)
        self.register_buffer("bias", torch.tril(torch.ones((40, 40), dtype=torch.bool)).view(1, 1, 40, 40))

    def split(self, t):
        return t.view(t.size()[:-1] + (H, D)).permute(0, 2, 1, 3)

    def forward(self, x, past=None):
        q, k, v = (self.split(t) for t in self.c_attn(self.ln_1(x)).split(W, dim=2))
        if past is not None:
            k, v = torch.cat((past[0], k), dim=-2), torch.cat((past[1], v), dim=-2)
        s = torch.matmul(q, k.transpose(-1, -2))
        s = s / torch.full([], v.size(-1) ** 0.5, dtype=s.dtype)
        lq, lk = q.size(-2), k.size(-2)
        seen = self.bias[:, :, lk - lq:lk, :lk]
        s = torch.where(seen, s, torch.full([], torch.finfo(s.dtype).min, dtype=s.dtype))
        y = torch.matmul(F.softmax(s, dim=-1).type(v.dtype), v).permute(0, 2, 1, 3).contiguous()
        x = x + self.c_proj(y.view(y.size()[:-2] + (W,)))
        return x + self.c_out(gelu_new(self.c_fc(self.ln_2(x)))), k, v


class GPT2(nn.Module):
    def __init__(self, cache):
        super().__init__()
        self.cache = cache
        self.wte, self.wpe = nn.Embedding(VOCAB, W), nn.Embedding(40, W)
        self.h = nn.ModuleList([GPT2Block() for _ in range(2)])
        self.ln_f = nn.LayerNorm(W)

    def forward(self, ids, *past):
        n = ids.size(1)
        start = past[0].size(-2) if self.cache else 0
        at = torch.arange(start, n + start, dtype=torch.long).unsqueeze(0).view(-1, n)
        x = self.wte(ids) + self.wpe(at)
        present = []
        for i, block in enumerate(self.h):
            x, k, v = block(x, past[2 * i:2 * i + 2] if self.cache else None)
            present += [k, v]
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return (logits, *present) if self.cache else logits


def caches(heads=H, past=3):
    """Inputs and outputs of a cache for two layers, and their axes."""
    inputs, outputs, axes = {}, [], {}
    for i in range(2):
        for what in ("key", "value"):
            inputs[f"past_{i}_{what}"] = torch.randn(2, heads, past, D)
            outputs.append(f"present_{i}_{what}")
            axes[f"past_{i}_{what}"] = {0: "batch", 2: "past"}
            axes[f"present_{i}_{what}"] = {0: "batch", 2: "past+seq"}
    return inputs, outputs, axes


def gpt2(cache=False, opset=16):
    def make():
        axes = {n: {0: "batch", 1: "seq"} for n in ("ids", "logits")}
        inputs, outputs, dims = caches() if cache else ({}, [], {})
        return Model(GPT2(cache), {"ids": torch.randint(VOCAB, (2, 5))} | inputs, ["logits", *outputs], axes | dims, opset=opset)
    return make


class MultiQuery(nn.Module):
    """GPTBigCode's: one head of keys and values beside each other in one cache, the heads of a token as rows, a mask for each token."""

    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Embedding(VOCAB, W), nn.LayerNorm(W)
        self.qkv, self.out, self.head = nn.Linear(W, W + 2 * D), nn.Linear(W, W), nn.Linear(W, VOCAB)
        self.register_buffer("causal", torch.tril(torch.ones(40, 40, dtype=torch.bool)))

    def forward(self, ids, mask, past):
        x = self.embed(ids)
        b, n = ids.shape
        q, new = self.qkv(self.norm(x)).split((W, 2 * D), dim=2)
        present = torch.cat((past, new), dim=-2)
        k, v = present.split((D, D), dim=-1)
        m = k.shape[1]
        seen = (self.causal[None, m - n:m, :m] & mask.view(b, 1, -1).to(torch.bool)).unsqueeze(2)
        s = (q.reshape(b, n * H, D) @ k.transpose(-1, -2)).view(b, n, H, m) * D**-0.5
        p = torch.where(seen, s, torch.full([], torch.finfo(s.dtype).min)).softmax(-1)
        y = (p.view(b, n * H, m) @ v).view(b, n, W)
        return self.head(x + self.out(y)), present


def multi_query():
    mask = torch.ones(2, 8, dtype=torch.int64)
    mask[1, 0] = 0
    inputs = {"ids": torch.randint(VOCAB, (2, 5)), "mask": mask, "past": torch.randn(2, 3, 2 * D)}
    axes = {n: {0: "batch", 1: "seq"} for n in ("ids", "logits")} | {n: {0: "batch", 1: "past + seq"} for n in ("mask", "present")}
    return Model(MultiQuery(), inputs, ["logits", "present"], axes | {"past": {0: "batch", 1: "past"}})


class RMSNorm(nn.Module):
    def __init__(self, eps=1e-6):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(W)), eps

    def forward(self, x):
        kind = x.dtype
        x = x.to(torch.float32)
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * x.to(kind)


def rotate_half(x):
    return torch.cat((-x[..., x.shape[-1] // 2:], x[..., :x.shape[-1] // 2]), dim=-1)


class Llama(nn.Module):
    """RoPE from a table or computed, grouped queries, SwiGLU, a mask for padding and future by the least number, a cache if wanted."""

    def __init__(self, cache, table):
        super().__init__()
        self.cache = cache
        self.embed, self.norm, self.head = nn.Embedding(VOCAB, W), RMSNorm(), nn.Linear(W, VOCAB, bias=False)
        self.layers = nn.ModuleList([LlamaLayer() for _ in range(2)])
        inv = 1.0 / (10000 ** (torch.arange(0, D, 2).float() / D))
        self.register_buffer("inv", inv)
        self.table = table
        if table:
            angles = torch.einsum("i,j->ij", torch.arange(48).float(), inv)
            angles = torch.cat((angles, angles), dim=-1)
            self.register_buffer("cos", angles.cos()[None, None])
            self.register_buffer("sin", angles.sin()[None, None])

    def rope(self, at, n):
        if self.table:
            cos, sin = self.cos[:, :, :n].squeeze(1).squeeze(0), self.sin[:, :, :n].squeeze(1).squeeze(0)
            return cos[at].unsqueeze(1), sin[at].unsqueeze(1)
        inv = self.inv[None, :, None].float().expand(at.shape[0], -1, 1)
        angles = (inv @ at[:, None, :].float()).transpose(1, 2)
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos().unsqueeze(1), angles.sin().unsqueeze(1)

    def mask(self, mask, n, start, kind):
        low = torch.finfo(kind).min
        at = torch.arange(n)
        causal = torch.full((n, n), low).masked_fill(at < (at + 1).view(n, 1), 0)
        if self.cache:
            causal = torch.cat([torch.zeros(n, start, dtype=kind), causal], dim=-1)
        causal = causal[None, None].expand(mask.size(0), 1, n, n + start)
        wide = 1.0 - mask[:, None, None, :].expand(mask.size(0), 1, n, n + start).to(kind)
        return wide.masked_fill(wide.to(torch.bool), low) + causal

    def forward(self, ids, mask, *past):
        n = ids.size(1)
        start = past[0].size(2) if self.cache else 0
        x = self.embed(ids)
        at = torch.arange(start, n + start).unsqueeze(0)
        cos, sin = self.rope(at, n + start)
        m = self.mask(mask, n, start, x.dtype)
        present = []
        for i, layer in enumerate(self.layers):
            x, k, v = layer(x, m, cos, sin, past[2 * i:2 * i + 2] if self.cache else None)
            present += [k, v]
        logits = self.head(self.norm(x)).float()
        return (logits, *present) if self.cache else logits


class LlamaLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(W, o, bias=False) for o in (W, W // 2, W // 2, W))
        self.gate_proj, self.up, self.down = nn.Linear(W, 48, bias=False), nn.Linear(W, 48, bias=False), nn.Linear(48, W, bias=False)
        self.one, self.two = RMSNorm(), RMSNorm()

    def forward(self, x, mask, cos, sin, past):
        b, n, _ = x.size()
        h = self.one(x)
        q = self.q(h).view(b, n, H, D).transpose(1, 2)
        k, v = (f(h).view(b, n, H // 2, D).transpose(1, 2) for f in (self.k, self.v))
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        kk, vv = repeat_kv(k, 2), repeat_kv(v, 2)
        s = torch.matmul(q, kk.transpose(2, 3)) / math.sqrt(D) + mask
        p = nn.functional.softmax(s, dim=-1, dtype=torch.float32).to(q.dtype)
        x = x + self.o(torch.matmul(p, vv).transpose(1, 2).contiguous().reshape(b, n, W))
        h = self.two(x)
        return x + self.down(F.silu(self.gate_proj(h)) * self.up(h)), k, v


def repeat_kv(x, times):
    b, h, n, d = x.shape
    return x[:, :, None, :, :].expand(b, h, times, n, d).reshape(b, h * times, n, d)


def llama(cache=False, table=True, opset=16):
    def make():
        axes = {n: {0: "batch", 1: "seq"} for n in ("ids", "mask", "logits")}
        inputs, outputs, dims = caches(H // 2) if cache else ({}, [], {})
        mask = torch.ones(2, 8 if cache else 5, dtype=torch.int64)
        mask[1, :2] = 0
        if not cache:
            mask[1, :2] = 1
            mask[0, 4:] = 0
        else:
            axes["mask"] = {0: "batch", 1: "past+seq"}
        return Model(Llama(cache, table), {"ids": torch.randint(VOCAB, (2, 5)), "mask": mask} | inputs, ["logits", *outputs], axes | dims, opset=opset)
    return make


class Alibi(nn.Module):
    """Slopes instead of positions, as in BLOOM: the bias by baddbmm, heads interleaved with queries, keys and values."""

    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Embedding(VOCAB, W), nn.LayerNorm(W)
        self.qkv = nn.ModuleList([nn.Linear(W, 3 * W) for _ in range(2)])
        self.out = nn.ModuleList([nn.Linear(W, W) for _ in range(2)])
        self.register_buffer("slopes", torch.tensor([2.0 ** -(2 * i) for i in range(1, H + 1)]))

    def forward(self, ids, mask):
        b, n = ids.shape
        x = self.embed(ids)
        at = ((mask.cumsum(dim=-1) - 1) * mask)[:, None, :]
        alibi = (self.slopes[:, None] * at).reshape(b * H, 1, n)
        hidden = (torch.arange(n)[:, None] < torch.arange(n)[None, :])[None, None] | ~mask[:, None, None, :].bool()
        for qkv, out in zip(self.qkv, self.out):
            f = qkv(self.norm(x)).view(b, n, H, 3, D)
            q, k, v = f[..., 0, :], f[..., 1, :], f[..., 2, :]
            q, v = (t.transpose(1, 2).reshape(b * H, n, D) for t in (q, v))
            k = k.permute(0, 2, 3, 1).reshape(b * H, D, n)
            s = alibi.baddbmm(q, k, beta=1.0, alpha=D**-0.5).view(b, H, n, n)
            s = torch.masked_fill(s, hidden, torch.finfo(s.dtype).min)
            p = F.softmax(s, dim=-1, dtype=torch.float32).view(b * H, n, n)
            y = torch.bmm(p, v).view(b, H, n, D).permute(0, 2, 1, 3).reshape(b, n, W)
            x = x + out(y)
        return F.linear(self.norm(x), self.embed.weight)


def alibi():
    mask = torch.ones(2, 6, dtype=torch.int64)
    mask[1, 4:] = 0
    axes = {n: {0: "batch", 1: "seq"} for n in ("ids", "mask", "logits")}
    return Model(Alibi(), {"ids": torch.randint(VOCAB, (2, 6)), "mask": mask}, ["logits"], axes)


class T5Attention(nn.Module):
    """No scale, a bias that is looked up by the bucket of the distance."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(W, W, bias=False) for _ in range(4))

    def forward(self, x, y, bias):
        b = x.shape[0]
        q, k, v = (f(t).view(b, -1, H, D).transpose(1, 2) for f, t in ((self.q, x), (self.k, y), (self.v, y)))
        s = torch.matmul(q, k.transpose(3, 2))
        s += bias
        p = nn.functional.softmax(s.float(), dim=-1).type_as(s)
        return self.o(torch.matmul(p, v).transpose(1, 2).contiguous().view(b, -1, W))


class T5(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, W)
        self.near, self.near_dec = nn.Embedding(8, H), nn.Embedding(8, H)
        self.enc, self.dec, self.cross = (nn.ModuleList([T5Attention() for _ in range(2)]) for _ in range(3))
        self.norms = nn.ModuleList([RMSNorm() for _ in range(12)])
        self.up, self.down = (nn.ModuleList([nn.Linear(a, b, bias=False) for _ in range(4)]) for a, b in ((W, 48), (48, W)))

    def bucket(self, distance, both, buckets=8, reach=16):
        found = 0
        if both:
            buckets //= 2
            found += (distance > 0).to(torch.long) * buckets
            distance = torch.abs(distance)
        else:
            distance = -torch.min(distance, torch.zeros_like(distance))
        exact = buckets // 2
        large = exact + (torch.log(distance.float() / exact) / math.log(reach / exact) * (buckets - exact)).to(torch.long)
        large = torch.min(large, torch.full_like(large, buckets - 1))
        return found + torch.where(distance < exact, distance, large)

    def bias(self, table, lq, lk, both):
        distance = torch.arange(lk)[None, :] - torch.arange(lq)[:, None]
        return table(self.bucket(distance, both)).permute([2, 0, 1]).unsqueeze(0)

    def ff(self, x, i):
        return x + self.down[i](F.relu(self.up[i](self.norms[8 + i](x))))

    def forward(self, src, mask, tgt):
        x, n, t = self.embed(src), src.size(1), tgt.size(1)
        pad = (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
        bias = self.bias(self.near, n, n, True) + pad
        for i in range(2):
            h = self.norms[i](x)
            x = self.ff(x + self.enc[i](h, h, bias), i)
        at = torch.arange(t)
        causal = (at[None, None, :].repeat(tgt.size(0), t, 1) <= at[None, :, None]).float()[:, None]
        own = self.bias(self.near_dec, t, t, False) + (1.0 - causal) * torch.finfo(torch.float32).min
        y = self.embed(tgt)
        for i in range(2):
            h = self.norms[2 + i](y)
            y = y + self.dec[i](h, h, own)
            y = self.ff(y + self.cross[i](self.norms[4 + i](y), x, pad), 2 + i)
        return F.linear(self.norms[6](y) * W**-0.5, self.embed.weight)


def t5():
    mask = torch.ones(2, 7, dtype=torch.int64)
    mask[1, 5:] = 0
    axes = {n: {0: "batch", 1: "src"} for n in ("src", "mask")} | {n: {0: "batch", 1: "tgt"} for n in ("tgt", "logits")}
    return Model(T5(), {"src": torch.randint(VOCAB, (2, 7)), "mask": mask, "tgt": torch.randint(VOCAB, (2, 5))}, ["logits"], axes)


class BartAttention(nn.Module):
    """Three-dimensional products, the mask added after a view and back."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(W, W) for _ in range(4))

    def forward(self, x, y, mask):
        b, t, _ = x.size()
        q = self.q(x) * D**-0.5
        q, k, v = (u.view(b, -1, H, D).transpose(1, 2).contiguous().view(b * H, -1, D) for u in (q, self.k(y), self.v(y)))
        n = k.size(1)
        s = torch.bmm(q, k.transpose(1, 2))
        if mask is not None:
            s = (s.view(b, H, t, n) + mask).view(b * H, t, n)
        y = torch.bmm(nn.functional.softmax(s, dim=-1), v)
        return self.o(y.view(b, H, t, D).transpose(1, 2).reshape(b, t, W))


class Bart(nn.Module):
    """Learned positions from an offset, norms after; sinusoids as in the first transformer if wanted."""

    def __init__(self, sinusoids=False):
        super().__init__()
        self.sinusoids = sinusoids
        self.shared, self.places = nn.Embedding(VOCAB, W), nn.Embedding(42, W)
        self.enc, self.dec, self.cross = (nn.ModuleList([BartAttention() for _ in range(2)]) for _ in range(3))
        self.norms = nn.ModuleList([nn.LayerNorm(W) for _ in range(12)])
        self.up, self.down = (nn.ModuleList([nn.Linear(a, b) for _ in range(4)]) for a, b in ((W, 48), (48, W)))
        angles = torch.arange(42)[:, None] / 10000 ** (torch.arange(0, W, 2)[None] / W)
        self.register_buffer("waves", torch.cat([angles.sin(), angles.cos()], dim=1))
        self.register_buffer("final_bias", torch.randn(1, VOCAB))

    def start(self, ids, norm):
        at = torch.arange(ids.size(1))
        p = self.waves[at] if self.sinusoids else self.places(at + 2)
        return norm(self.shared(ids) * math.sqrt(W) + p)

    def ff(self, x, i):
        return self.norms[6 + i](x + self.down[i](F.gelu(self.up[i](x))))

    def forward(self, src, mask, tgt):
        low = torch.finfo(torch.float32).min
        inverted = 1.0 - mask[:, None, None, :].expand(mask.size(0), 1, tgt.size(1), mask.size(1)).float()
        pad = inverted.masked_fill(inverted.bool(), low)
        square = 1.0 - mask[:, None, None, :].expand(mask.size(0), 1, src.size(1), mask.size(1)).float()
        own = square.masked_fill(square.bool(), low)
        x = self.start(src, self.norms[10])
        for i in range(2):
            x = self.ff(self.norms[i](x + self.enc[i](x, x, own)), i)
        t = tgt.size(1)
        causal = torch.full((t, t), low)
        at = torch.arange(t)
        causal.masked_fill_(at < (at + 1).view(t, 1), 0)
        causal = causal[None, None].expand(tgt.size(0), 1, t, t)
        y = self.start(tgt, self.norms[11])
        for i in range(2):
            y = self.norms[2 + i](y + self.dec[i](y, y, causal))
            y = self.ff(self.norms[4 + i](y + self.cross[i](y, x, pad)), 2 + i)
        return F.linear(y, self.shared.weight) + self.final_bias, x


def bart(sinusoids=False, opset=14):
    def make():
        m = t5()
        m.module, m.outputs, m.opset = Bart(sinusoids), ["logits", "memory"], opset
        m.axes["memory"] = {0: "batch", 1: "src"}
        return m
    return make


MODELS = {
    "torch-transformer": torch_transformer(16),
    "torch-transformer-norm-first": torch_transformer(17, norm_first=True, activation="gelu"),
    "torch-decoder": torch_decoder,
    "gpt2": gpt2(),
    "gpt2-opset11": gpt2(opset=11),
    "gpt2-cache": gpt2(cache=True, opset=13),
    "multi-query": multi_query,
    "llama": llama(),
    "llama-computed": llama(table=False, opset=17),
    "llama-cache": llama(cache=True),
    "llama-cache-computed": llama(cache=True, table=False, opset=14),
    "bloom": alibi,
    "t5": t5,
    "bart": bart(),
    "marian": bart(True, 11),
}
