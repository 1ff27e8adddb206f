"""Graphs of models in float16: what PyTorch computes in float32 on the way is cast there and back."""
import math

import torch
from onnx import TensorProto

from . import dynamo, dynamo_dual, dynamo_models
from .dynamo import Value


class Half(dynamo.Graph):
    """Expected results are computed in float32, of weights and inputs of 16 bits."""
    atol = 0.03
    everywhere = False  # such a row's scores are rounded beside the lowest number

    def __post_init__(self):
        super().__post_init__()
        self.wide = set()  # names of what is float32

    def array(self, name, t):
        return t.half() if t.dtype == torch.float32 and name not in self.wide else t

    def rounded(self, t):
        return t.half().float() if t.dtype == torch.float32 else t

    def input(self, name, t):
        return super().input(name, self.rounded(t))

    def weight(self, name, t):
        if name == "inv_freq":
            self.wide.add(name)
            return super().weight(name, t)
        return super().weight(name, self.rounded(t))

    def const(self, x, dtype=None):
        """The lowest number is that of float16."""
        return super().const(max(x, -65504.0) if isinstance(x, float) and not math.isinf(x) else x, dtype)

    def like(self, x, v):
        if isinstance(x, Value) or v.name not in self.wide:
            return super().like(x, v)
        name = self.fresh()
        self.wide.add(name)
        return dynamo.Graph.weight(self, name, torch.tensor(x))

    def node(self, kind, inputs, t=None, stem=None, **attrs):
        """What comes of float32 alone is float32."""
        y = super().node(kind, inputs, t, stem, **attrs)
        floats = [i for i in inputs if isinstance(i, Value) and i.t is not None and i.t.dtype == torch.float32]
        if attrs.get("to") == TensorProto.FLOAT or "to" not in attrs and floats and all(i.name in self.wide for i in floats):
            self.wide.add(y.name)
        return y

    def wider(self, x):
        return self.node("Cast", [x], x.t, "_to_copy", to=TensorProto.FLOAT)

    def narrower(self, x):
        return self.node("Cast", [x], x.t, "_to_copy", to=TensorProto.FLOAT16)


MODELS = {
    "dual-dynamo-half-sdpa": (dynamo_dual.dual(dynamo_dual.sdpa, "causal", True), {}),
    "dual-dynamo-half-attention": (dynamo_dual.dual(dynamo_dual.sdpa_causal, None, True), {"opset": 23}),
    "dual-dynamo-half-eager": (dynamo_dual.dual(dynamo_dual.eager, True), {"old": True}),
    "dynamo-half-llama": (dynamo_models.llama(dynamo_models.mask_broadcast), {}),
    "dynamo-half-llama-causal": (dynamo_models.llama(None), {}),
    "dynamo-half-llama-cache": (dynamo_models.llama(dynamo_models.mask_broadcast, True), {"opset": 23}),
    "dynamo-half-gpt2": (dynamo_models.gpt2(dynamo_models.mask_vmap), {"old": True}),
}
