"""Dual attention (GPAM) and its relatives, as torch.export's graphs have them, two layers each."""
import math

import torch

from .dynamo import BATCH, PAST, SEQ
from .dynamo_parts import (D, H, W, decoder_mask, heads, layer_norm, linear, mask_broadcast, mask_input, mlp, positions, repeat_kv, rms, rotated, rotation,
                           swiglu, together, tokens, uniform)


def second(g, q, p):
    """q- = relu(q+) W, one matrix for all heads."""
    return linear(g, g.unary("Relu", q), f"{p}.second", D, bias=False)


def weights(g, p, per_head):
    """1 + λ+ and λ-: parameters, which are numbers when the graph is made, and one number for each head or for all."""
    shape = (H, 1, 1) if per_head else ()
    plus, minus = uniform(g, f"{p}.lambda_plus", *shape), uniform(g, f"{p}.lambda_minus", *shape)
    return g.add(1.0, plus), minus


def dual(spelling, masked, per_head=False, kv=H):
    """An encoder or decoder of two layers; spelling computes the attention of [B,H,L,D]."""
    def make(g):
        x = g.input("x", torch.randn(BATCH, SEQ, W))
        mask = g.input("attention_mask", mask_input(g, SEQ)) if masked else None
        if masked == "causal":
            mask = mask_broadcast(g, mask, SEQ, SEQ)
        elif masked:
            mask = g.expand(g.unsqueeze(g.cast(mask, torch.bool), 1, 2), BATCH, 1, SEQ, SEQ)
        for i in range(2):
            p = f"layers.{i}"
            q, k, v = (heads(g, linear(g, x, f"{p}.{n}_proj", c * D), c) for n, c in (("q", H), ("k", kv), ("v", kv)))
            a, b = weights(g, p, per_head)
            y = together(g, spelling(g, q, second(g, q, p), k, v, a, b, mask))
            x = layer_norm(g, g.add(x, linear(g, y, f"{p}.out_proj", W)), f"{p}.norm1")
            x = layer_norm(g, g.add(x, mlp(g, x, p, g.gelu)), f"{p}.norm2")
        g.output("y", layer_norm(g, x, "norm"))
    return make


def probabilities(g, qp, qn, k, v, a, b, mask):
    """softmax(q kᵀ / √d + m), the mask filled in."""
    p = []
    for q in (qp, qn):
        s = g.div(g.matmul(q, g.transpose(k, -1, -2)), math.sqrt(D))
        p.append(g.softmax(s if mask is None else g.where(mask, s, g.const(-1e9))))
    return g.matmul(g.sub(g.mul(a, p[0]), g.mul(b, p[1])), v)


def eager(g, qp, qn, k, v, a, b, mask):
    """As transformers' eager attention: scaled, the mask added, softmax in float32."""
    if mask is not None:
        mask = g.where(mask, g.const(0.0), g.const(torch.finfo(torch.float32).min))
    y = []
    for q, w in ((qp, a), (qn, b)):
        s = g.mul(g.matmul(q, g.transpose(k, 2, 3)), D**-0.5)
        y.append(g.mul(w, g.matmul(g.softmax(s if mask is None else g.add(s, mask)), v)))
    return g.sub(*y)


def sdpa(g, qp, qn, k, v, a, b, mask):
    return g.sub(g.mul(a, g.sdpa(qp, k, v, mask)), g.mul(b, g.sdpa(qn, k, v, mask)))


def sdpa_repeated(g, qp, qn, k, v, a, b, mask):
    """Heads of keys and values repeated before, as transformers does where there is a mask."""
    return sdpa(g, qp, qn, repeat_kv(g, k, H, SEQ), repeat_kv(g, v, H, SEQ), a, b, mask)


def sdpa_causal(g, qp, qn, k, v, a, b, mask):
    return g.sub(g.mul(g.sdpa(qp, k, v, causal=True), a), g.mul(g.sdpa(qn, k, v, causal=True), b))


def sdpa_other_masks(g, qp, qn, k, v, a, b, mask):
    """One side sees what comes, the other does not."""
    return g.sub(g.mul(a, g.sdpa(qp, k, v, causal=True)), g.mul(b, g.sdpa(qn, k, v, mask)))


def sdpa_weighed(g, qp, qn, k, v, a, b, mask):
    """The weights of one side are those of features, not of rows."""
    return g.sub(g.mul(uniform(g, f"weights_{g.count}", D), g.sdpa(qp, k, v, mask)), g.mul(b, g.sdpa(qn, k, v, mask)))


def sdpa_stacked(g, qp, qn, k, v, a, b, mask):
    """One call for both: queries, keys and values one after the other along the heads."""
    two = [g.cat([x, y], 1) for x, y in ((qp, qn), (k, k), (v, v))]
    yp, yn = g.chunk(g.sdpa(*two, mask), 2, 1)
    return g.sub(g.mul(a, yp), g.mul(b, yn))


def sdpa_grouped(g, qp, qn, k, v, a, b, mask):
    """One call for both, with enable_gqa: two queries for each key, side by side."""
    q = g.view(g.cat([g.unsqueeze(qp, 2), g.unsqueeze(qn, 2)], 2), BATCH, 2 * H, SEQ, D)
    y = g.view(g.sdpa(q, k, v, mask), BATCH, H, 2, SEQ, D)
    return g.sub(g.mul(a, g.select(y, 2, 0)), g.mul(b, g.select(y, 2, 1)))


def diff_lambda(g, p, layer):
    """exp(λq1·λk1) - exp(λq2·λk2) + λ, of parameters."""
    part = lambda i: g.unary("Exp", g.sum(g.mul(*(g.weight(f"{p}.lambda_{n}{i}", 0.3 * torch.randn(D)) for n in "qk")), -1))
    start = 0.8 - 0.6 * math.exp(-0.3 * layer)
    return g.add(g.sub(part(1), part(2)), start), 1 - start


def diff_llama(implementation, cache=False):
    """transformers' DiffLlama: 4 heads of queries, 2 of keys and values; values are put together in halves, and repeated."""
    def make(g):
        x = tokens(g, "model.embed_tokens.weight")
        total = PAST + SEQ if cache else SEQ
        mask = decoder_mask(g, mask_broadcast, cache)
        past = [[g.input(f"past_key_values.{i}.{n}", torch.randn(BATCH, 2, PAST, D)) for n in ("key", "value")] for i in range(2)] if cache else None
        if implementation == "eager":
            mask = g.where(mask, g.const(0.0), g.const(torch.finfo(torch.float32).min))
        angles = rotation(g, g.unsqueeze(positions(g, SEQ), 0), 1)
        for i in range(2):
            p = f"model.layers.{i}"
            h = rms(g, x, f"{p}.input_layernorm.weight")
            q, k, v = (heads(g, linear(g, h, f"{p}.self_attn.{n}_proj", c * D, bias=False), c) for n, c in (("q", H), ("k", 2), ("v", 2)))
            q, k = rotated(g, q, *angles), rotated(g, k, *angles)
            if cache:
                k, v = g.cat([past[i][0], k], -2), g.cat([past[i][1], v], -2)
                g.output(f"present.{i}.key", k), g.output(f"present.{i}.value", v)
            k, v = repeat_kv(g, k, H, total), repeat_kv(g, v, H, total)
            v = g.repeat(g.cat(g.chunk(v, 2, 1), -1), 1, 2, 1, 1)
            if implementation == "eager":
                s = g.add(g.div(g.matmul(q, g.transpose(k, 2, 3)), math.sqrt(D)), g.slice(mask, 3, 0, total))
                y = g.matmul(g.softmax(s), v)
            else:
                y = g.sdpa(q, k, v, g.slice(mask, 3, 0, total))
            y1, y2 = g.chunk(y, 2, 1)
            lam, rest = diff_lambda(g, f"{p}.self_attn", i)
            y = g.mul(rest, g.rms_norm(g.sub(y1, g.mul(lam, y2))))
            x = g.add(x, linear(g, together(g, y), f"{p}.self_attn.o_proj", W, bias=False))
            x = g.add(x, swiglu(g, rms(g, x, f"{p}.post_attention_layernorm.weight"), p))
        g.output("logits", linear(g, rms(g, x, "model.norm.weight"), "lm_head", 53, bias=False))
    return make


MODELS = {
    "dual-dynamo-probs": (dual(probabilities, True), {}),
    "dual-dynamo-probs-per-head": (dual(probabilities, "causal", True), {"opset": 20, "external": True}),
    "dual-dynamo-eager": (dual(eager, "causal"), {"old": True}),
    "dual-dynamo-sdpa": (dual(sdpa, True), {}),
    "dual-dynamo-sdpa-old": (dual(sdpa, "causal", True), {"old": True}),
    "dual-dynamo-sdpa-causal": (dual(sdpa_causal, None), {}),
    "dual-dynamo-sdpa-causal-old": (dual(sdpa_causal, None, True), {"old": True}),
    "dual-dynamo-sdpa-stacked": (dual(sdpa_stacked, True, True), {}),
    "dual-dynamo-sdpa-grouped": (dual(sdpa_grouped, True), {}),
    "dual-dynamo-sdpa-gqa": (dual(sdpa_causal, None, kv=2), {}),
    "dual-dynamo-sdpa-repeated": (dual(sdpa_repeated, "causal", kv=2), {"old": True}),
    "dual-dynamo-attention-repeated": (dual(sdpa_repeated, True, True, 2), {"opset": 23}),
    "dual-dynamo-attention": (dual(sdpa, True), {"opset": 23}),
    "dual-dynamo-attention-causal": (dual(sdpa_causal, None, True), {"opset": 23}),
    "dual-dynamo-attention-mask": (dual(sdpa, "causal", True), {"opset": 23, "external": True}),
    "dual-dynamo-attention-stacked": (dual(sdpa_stacked, "causal"), {"opset": 24}),
    "dual-dynamo-attention-grouped": (dual(sdpa_grouped, True, True), {"opset": 23}),
    "near-dynamo-masks": (dual(sdpa_other_masks, None), {}),
    "near-dynamo-weights": (dual(sdpa_weighed, True), {"opset": 23}),
    "diff-dynamo-llama": (diff_llama("sdpa"), {}),
    "diff-dynamo-llama-eager": (diff_llama("eager"), {"old": True}),
    "diff-dynamo-llama-cache": (diff_llama("sdpa", True), {"old": True}),
    "diff-dynamo-llama-attention": (diff_llama("sdpa", True), {"opset": 23}),
}
