"""What models that go through torch.export share: layers, transformers' masks, rotary positions."""
import math

import torch

from .dynamo import BATCH, PAST, SEQ

W, H, D, VOCAB, FF = 32, 4, 8, 53, 40


def normal(g, name, out, size):
    return g.once(("parameter", name), lambda: g.weight(name, torch.randn(out, size) * 1.2 / math.sqrt(size)))


def uniform(g, name, *shape):
    return g.once(("parameter", name), lambda: g.weight(name, torch.rand(shape) + 0.5))


def linear(g, x, name, out, bias=True):
    b = g.weight(f"{name}.bias", 0.2 * torch.randn(out)) if bias else None
    return g.linear(x, normal(g, f"{name}.weight", out, x.shape[-1]), b)


def layer_norm(g, x, name, eps=1e-5):
    return g.layer_norm(x, uniform(g, f"{name}.weight", W), g.weight(f"{name}.bias", 0.2 * torch.randn(W)), eps)


def rms(g, x, name, eps=1e-6):
    """transformers' RMSNorm, written out; its casts from float32 to float32 are gone after the optimizer."""
    x = g.wider(x)
    return g.mul(uniform(g, name, x.shape[-1]), g.narrower(g.mul(x, g.rsqrt(g.add(g.mean(g.pow(x, 2)), eps)))))


def mlp(g, x, p, act):
    return linear(g, act(linear(g, x, f"{p}.fc1", FF)), f"{p}.fc2", W)


def swiglu(g, x, p):
    gate, up = (linear(g, x, f"{p}.mlp.{n}_proj", FF, bias=False) for n in ("gate", "up"))
    return linear(g, g.mul(g.silu(gate), up), f"{p}.mlp.down_proj", W, bias=False)


def heads(g, x, count):
    """[B,L,count·D] to [B,count,L,D], by way of the sizes (*x.shape[:-1], -1, D)."""
    return g.transpose(g.view(x, *x.shape[:2], count if g.old else -1, D), 1, 2)


def together(g, y):
    t = g.transpose(y, 1, 2)
    return g.reshape(t, *t.shape[:2], t.shape[2] * t.shape[3])


def repeat_kv(g, x, count, length):
    b, h = x.shape[:2]
    wide = g.expand(g.unsqueeze(x, 2), b, h, count // h, length, D)
    return g.view(wide, b, count, length, D, stem="_unsafe_view")


def tokens(g, weight, length=SEQ):
    """The input of token numbers, embedded."""
    ids = g.input("input_ids", torch.randint(VOCAB, (BATCH, length)))
    return g.embedding(normal(g, weight, VOCAB, W), ids)


def mask_input(g, length):
    """Padding on either side; where the graph gives no number for a row of nothing else, behind only."""
    m = torch.ones(BATCH, length, dtype=torch.int64)
    m[1, -1] = 0
    if g.everywhere:
        m[0, :2] = 0
    else:
        m[2, -2:] = 0
    return m


# masking_utils of transformers: what may be seen, as booleans [B,1,L,M]. positions are those of the queries.

def positions(g, q):
    past = PAST if q == SEQ and PAST in g.sizes else 0
    return g.once("positions", lambda: g.arange(past + q, past))


def mask_broadcast(g, mask, q, kv, window=None, causal=True):
    """transformers 5 (and 4.57): everything is indexed by four numbers, broadcast."""
    at = {1: g.unsqueeze(positions(g, q), 0, 1, 3), 2: g.unsqueeze(g.arange(kv), 0, 1, 2), 0: g.unsqueeze(g.arange(BATCH), 1, 2, 3)}
    seen = g.le(at[2], at[1]) if causal else g.ge(at[1], 0)
    if window:
        seen = g.land(g.land(g.const(True), g.gt(at[2], g.sub(at[1], window))), seen)
    seen = g.land(g.const(True), seen)
    if mask is not None:
        seen = g.land(seen, g.index(g.cast(mask, torch.bool), [at[0], at[2]]))
    return g.expand(seen, BATCH, -1, q, kv)


def mask_vmap(g, mask, q, kv):
    """transformers 4.53 to 4.56: vmap over the four numbers, which leaves each with the axes that it depends on."""
    rows, cols = positions(g, q), g.arange(kv)
    ones = g.node("Expand", [g.const(True), g.merged([q])], torch.ones(q, dtype=torch.bool), "new_ones")
    seen = g.land(g.view(ones, q, 1), g.le(cols, g.view(rows, q, 1)))
    real = g.index(g.cast(mask, torch.bool), [g.view(g.arange(BATCH), BATCH, 1), cols])
    seen = g.land(g.view(seen, 1, q, kv), g.view(real, BATCH, 1, kv))
    return g.expand(g.unsqueeze(seen, 1), BATCH, 1, q, kv)


def mask_scattered(g, mask, q, kv):
    """transformers before 4.53: a triangle of the lowest number, which padding is written over, slice by slice."""
    lowest = torch.finfo(torch.float32).min
    rows, cols = positions(g, q), g.arange(kv)
    full = g.node("Expand", [g.const(lowest), g.merged([q, kv])], torch.full((q, kv), lowest), "full")
    triangle = g.node("Trilu", [full, g.const(1)], full.t.triu(1), "triu", upper=1) if q == kv else full
    later = g.cast(g.gt(cols, g.view(rows, q, 1)), torch.float32)
    m = g.expand(g.unsqueeze(g.mul(triangle, later), 0, 1), BATCH, 1, q, kv)
    part = g.slice(m, 3, 0, kv)
    padding = g.binary("Equal", torch.eq, g.add(part, g.cast(g.unsqueeze(mask, 1, 2), torch.float32)), 0.0)
    filled = g.where(padding, g.const(lowest), g.slice(m, 3, 0, kv))
    return scatter(g, m, filled)


def scatter(g, m, new):
    """m[:, :, :, :] = new: slice_scatter along one axis after the other, each of them whole."""
    shape = g.node("Shape", [m], start=0)
    at = lambda axis: g.node("Unsqueeze", [g.node("Range", [g.const(0), g.node("Gather", [shape, g.const(axis)], axis=0), g.const(1)]), g.const([-1])])
    turned = lambda x, *perm: g.node("Transpose", [x], perm=perm)
    y = g.node("ScatterND", [turned(m, 2, 1, 0, 3), at(2), turned(new, 2, 1, 0, 3)], reduction="none")
    y = g.node("ScatterND", [turned(m, 1, 0, 2, 3), at(1), turned(y, 1, 2, 0, 3)], reduction="none")
    y = g.node("ScatterND", [m, at(0), turned(y, 1, 0, 2, 3)], reduction="none")
    y.t = new.t
    return y


def mask_bert(g, mask, q):
    """_prepare_4d_attention_mask_for_sdpa: numbers, 1 - mask, filled with the lowest."""
    m = g.cast(g.expand(g.unsqueeze(mask, 1, 2), BATCH, 1, q, q), torch.float32)
    inverted = g.sub(1.0, m)
    return g.where(g.cast(inverted, torch.bool), g.const(torch.finfo(torch.float32).min), inverted)


def decoder_mask(g, kind, cache):
    """The mask of a decoder, and its input; with a cache it covers what came before, too."""
    total = PAST + SEQ if cache else SEQ
    if cache:  # sizes of inputs are known by the time that they are used
        g.sizes[PAST] = ("past_key_values.0.key", 2)
    return kind(g, g.input("attention_mask", mask_input(g, total)), SEQ, total)


# Rotary positions.

def rotation(g, at, batch=BATCH, theta=10000.0):
    """cos and sin of [B,L,D], from inv_freq [D/2] and the positions [B,L]."""
    inv = g.weight("inv_freq", (1.0 / theta ** (torch.arange(0, D, 2).float() / D))[None, :, None])
    if batch != 1:
        inv = g.expand(inv, batch, -1, 1)
    f = g.transpose(g.matmul(inv, g.cast(g.unsqueeze(at, 1), torch.float32)), 1, 2)
    e = g.cat([f, f], -1)
    return g.unsqueeze(g.narrower(g.unary("Cos", e)), 1), g.unsqueeze(g.narrower(g.unary("Sin", e)), 1)


def rotated(g, x, cos, sin):
    low, high = g.slice(x, 3, 0, D // 2), g.slice(x, 3, D // 2)
    return g.add(g.mul(x, cos), g.mul(g.cat([g.unary("Neg", high), low], -1), sin))
