"""Graphs of torch.onnx.export(dynamo=True, optimize=False), the default of PyTorch 2.5: every size is cast, reshaped and put together in
place, constants are nodes, products of matrices have three axes at most, slices of everything are slices, and functions are there that
nobody calls."""
import math

import torch
from onnx import TensorProto, helper, numpy_helper

from . import dynamo, dynamo_dual, dynamo_models
from .dynamo import END, Value


class Raw(dynamo.Graph):
    everywhere = False

    def const(self, x, dtype=None):
        t = torch.tensor(x, dtype=dtype)
        if dtype is None and type(x) is int:
            return self.constant(t, value_int=x)
        if dtype is None and isinstance(x, list) and all(isinstance(i, int) for i in x):
            return self.constant(t, value_ints=x)
        if dtype is None and isinstance(x, float):
            return self.constant(t, value_float=x)
        return self.constant(t, value=numpy_helper.from_array(t.numpy(), ""))

    def constant(self, t, **value):
        return self.node("Constant", [], t, **value)

    def once(self, key, make):
        """What is equal is made again, except for parameters and the few sizes that torch.export names."""
        if key[0] in ("vector", "turned"):
            return make()
        return super().once(key, make)

    def scalar(self, size):
        """A tuple is a product."""
        if not isinstance(size, tuple):
            return super().scalar(size)
        product = self.scalar(size[0])
        for s in size[1:]:
            product = self.node("Mul", [product, self.scalar(s)], stem="mul")
        return product

    def merged(self, sizes):
        ones = [self.node("Reshape", [self.scalar(s), self.const([-1])], torch.tensor([0]), allowzero=0) for s in sizes]
        return self.node("Cast", [self.node("Concat", ones, torch.tensor([0] * len(sizes)), axis=0)], to=TensorProto.INT64)

    def view(self, x, *sizes, allowzero=0, stem="view"):
        y = self.node("Reshape", [x, self.merged(sizes)], x.t.reshape([math.prod(s) if isinstance(s, tuple) else s for s in sizes]), stem, allowzero=0)
        if any(isinstance(s, tuple) for s in sizes):
            self.types.pop(y.name)
        return y

    def expand(self, x, *sizes):
        return self.node("Expand", [x, self.node("Abs", [self.merged(sizes)], torch.tensor(sizes).abs())], x.t.expand(*sizes), "expand")

    def unsqueeze(self, x, *at):
        for a in sorted(at):
            x = self.node("Unsqueeze", [x, self.node("Cast", [self.const([a])], torch.tensor([a]), to=TensorProto.INT64)], x.t.unsqueeze(a), "unsqueeze")
        return x

    def slice(self, x, dim, start, end=END):
        cut = x.t.narrow(dim, start, min(end, x.shape[dim]) - start)
        edge = lambda k: self.node("Reshape", [self.node("Cast", [self.scalar(k)], to=TensorProto.INT64), self.const([-1])], allowzero=0)
        return self.node("Slice", [x, edge(start), edge(end), self.const([dim]), self.const([1])], cut, "slice")

    def select(self, x, dim, i):
        """After slices of everything, as x[:, i] has them."""
        for d in range(dim):
            x = self.slice(x, d, 0)
        return super().select(x, dim, i)

    def like(self, x, v):
        """Numbers are scalar tensors of some type first."""
        if isinstance(x, Value):
            return x
        c = torch.tensor(x).to(v.t.dtype)
        return self.node("Cast", [self.const(x)], c, "scalar_tensor_default", to=dynamo.TYPES[v.t.dtype])

    def binary(self, kind, f, x, y):
        return super().binary(kind, f, x if isinstance(x, Value) else self.like(x, y), y)

    def arange(self, end, start=0):
        last = self.scalar(end)
        zero, one = (self.node("CastLike", [self.const(float(k)), last], torch.tensor(k)) for k in (0, 1))
        first = zero if start == 0 else self.scalar(start)
        return self.node("Range", [first, last, one], torch.arange(start, end), "arange")

    def chunk(self, x, n, dim):
        """Sequences, of which each item is taken."""
        size = x.shape[dim] // n
        parts = self.node("SplitToSequence", [x, self.const(size)], axis=dim, keepdims=1)
        return [self.node("SequenceAt", [parts, self.const(i)], t, "getitem") for i, t in enumerate(x.t.chunk(n, dim))]

    def linear(self, x, w, bias=None):
        """As addmm, or mm where there is no bias, of rows."""
        turned = self.node("Transpose", [w], w.t.T, "t", perm=[1, 0])
        rows = x if x.t.dim() == 2 else self.view(x, tuple(x.shape[:-1]), x.shape[-1])
        if bias is None:
            y = self.node("MatMul", [rows, turned], rows.t @ turned.t, "mm")
        else:
            y = self.node("Gemm", [rows, turned, bias], torch.addmm(bias.t, rows.t, turned.t), "addmm", alpha=1.0, beta=1.0, transA=0, transB=0)
        return y if x.t.dim() == 2 else self.view(y, *x.shape[:-1], w.shape[0])

    def matmul(self, x, y):
        """As bmm of batches and heads on one axis."""
        flat = [self.view(self.expand(v, *v.shape), tuple(v.shape[:-2]), *v.shape[-2:]) for v in (x, y)]
        z = self.node("MatMul", flat, flat[0].t @ flat[1].t, "bmm")
        return self.view(z, *x.shape[:-2], x.shape[-2], y.shape[-1])

    def softmax(self, x):
        y = super().softmax(x)
        return self.node("Identity", [y], y.t, "clone")

    def sdpa(self, q, k, v, mask=None, causal=False, scale=None):
        """A mask of booleans is one of numbers before."""
        if mask is not None and mask.t.dtype == torch.bool and self.opset < 23:
            mask = self.where(self.node("Not", [mask], ~mask.t, "logical_not"), self.like(-math.inf, q), self.like(0.0, q))
        y = super().sdpa(q, k, v, mask, causal, scale)
        return self.more(y, 3) if self.opset >= 23 else y

    def layer_norm(self, x, w, c, eps=1e-5):
        return self.more(super().layer_norm(x, w, c, eps), 2)

    def more(self, y, count):
        """The node has further results, which nobody uses."""
        self.nodes[-1].output.extend(self.fresh() for _ in range(count))
        return y


def unused():
    """Rank and IsScalar, which every model of these versions carries."""
    imports = [helper.make_opsetid("", 18)]
    shape = helper.make_node("Shape", ["input"], ["tmp"])
    size = helper.make_node("Size", ["tmp"], ["tmp_0"])
    zero = helper.make_node("Constant", [], ["tmp_1"], value_int=0)
    domain = "pkg.onnxscript.torch_lib.common"
    equal = helper.make_node("Equal", ["tmp_0", "tmp_1"], ["return_val"])
    return [helper.make_function(domain, "Rank", ["input"], ["tmp_0"], [shape, size], imports),
            helper.make_function(domain, "IsScalar", ["input"], ["return_val"], [shape, size, zero, equal], imports)]


MODELS = {
    "dual-dynamo-raw": dynamo_dual.dual(dynamo_dual.probabilities, True, True),
    "dual-dynamo-raw-eager": dynamo_dual.dual(dynamo_dual.eager, "causal"),
    "dual-dynamo-raw-sdpa": dynamo_dual.dual(dynamo_dual.sdpa, "causal", True),
    "dual-dynamo-raw-sdpa-causal": dynamo_dual.dual(dynamo_dual.sdpa_causal, None),
    "dual-dynamo-raw-stacked": dynamo_dual.dual(dynamo_dual.sdpa_stacked, True),
    "diff-dynamo-raw-llama": dynamo_dual.diff_llama("eager"),
    "diff-dynamo-raw-llama-sdpa": dynamo_dual.diff_llama("sdpa"),
    "dynamo-raw-bert": dynamo_models.bert,
    "dynamo-raw-gpt2": dynamo_models.gpt2(dynamo_models.mask_scattered),
    "dynamo-raw-llama-cache": dynamo_models.llama(dynamo_models.mask_scattered, True, "eager"),
    "dynamo-raw-vit": dynamo_models.vit,
}
MODELS = {name: (make, {"old": True, "functions": unused()}) for name, make in MODELS.items()}
MODELS["dual-dynamo-raw-attention"] = (dynamo_dual.dual(dynamo_dual.sdpa, "causal", True), {"opset": 23})
MODELS["dynamo-raw-bert-attention"] = (dynamo_models.bert, {"opset": 23})
