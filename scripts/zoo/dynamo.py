"""Writes graphs as torch.onnx.export(dynamo=True) does, operator by operator, while PyTorch computes what they should.

A model is a function of a Graph and its inputs. Each of Graph's methods stands for an operator of PyTorch: it computes the result, and
appends the nodes that the exporter writes for it after its optimizer ran. So what a graph should compute is known from elsewhere than
from the graph itself. Sizes that nothing else has stand for dynamic dimensions.
"""
import json
import math
import os
import shutil
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

BATCH, SEQ, PAST, SOURCE, FRAMES = 3, 5, 7, 11, 22
DIMS = {BATCH: "batch", SEQ: "seq", PAST: "past", SOURCE: "((frames - 1)//2) + 1", PAST + SEQ: "past + seq", FRAMES: "frames", BATCH * SEQ: "batch*seq"}
TYPES = {torch.float32: TensorProto.FLOAT, torch.float16: TensorProto.FLOAT16, torch.int64: TensorProto.INT64, torch.bool: TensorProto.BOOL}
END, LOWEST = 2**63 - 1, torch.finfo(torch.float32).min


@dataclass
class Value:
    """What PyTorch computed, and the name that it has in the graph."""
    t: torch.Tensor
    name: str

    @property
    def shape(self):
        return self.t.shape


@dataclass
class Graph:
    """A graph in the making. Exporters before torch 2.9 are old: they leave transposes of weights, absolute values of sizes, casts of
    sizes, and infinities in masks."""
    name: str
    opset: int = 18
    old: bool = False
    external: bool = False
    functions: tuple = ()

    atol = 0
    everywhere = True  # there is a number even for a row in which everything is hidden

    def __post_init__(self):
        seed = zlib.crc32(self.name.encode())
        torch.manual_seed(seed)
        self.nodes, self.inputs, self.outputs, self.weights = [], [], [], {}
        self.types, self.memo, self.sizes = {}, {}, {}
        self.count = 0

    # Names, nodes, inputs, constants.

    def fresh(self, stem="val"):
        self.count += 1
        return f"{stem}_{self.count}"

    def node(self, kind, inputs, t=None, stem=None, **attrs):
        """One node, of which t is the result."""
        name = self.fresh(stem or "val")
        n = helper.make_node(kind, [v.name if isinstance(v, Value) else v for v in inputs], [name], name=f"node_{stem or kind}_{self.count}", **attrs)
        self.nodes.append(n if kind == "Constant" else with_metadata(n, self.count))
        if t is not None:
            self.types[name] = t
        return Value(t, name)

    def input(self, name, t):
        self.inputs.append((name, t))
        for axis, size in enumerate(t.shape):
            if size in DIMS and size not in self.sizes and size != PAST + SEQ:
                self.sizes[size] = (name, axis)
        return Value(t, name)

    def array(self, name, t):
        """t as the graph has it."""
        return t

    def output(self, name, v):
        """The graph calls its outputs what the user does: the node that makes one is renamed."""
        for n in self.nodes:
            for i, o in enumerate(n.output):
                if o == v.name:
                    n.output[i] = name
            for i, o in enumerate(n.input):
                if o == v.name:
                    n.input[i] = name
        self.types.pop(v.name, None)
        v.name = name
        self.outputs.append((name, v.t))

    def weight(self, name, t):
        self.weights[name] = t
        return Value(t, name)

    def const(self, x, dtype=None):
        """A constant, which the optimizer makes an initializer; equal ones are one."""
        t = torch.tensor(x, dtype=dtype)
        key = (str(t.dtype), tuple(t.shape), str(x))
        return self.once(key, lambda: self.weight(self.fresh(), t))

    def like(self, x, v):
        return x if isinstance(x, Value) else self.const(x, v.t.dtype)

    # Sizes: torch.export's SymInts are scalars, cut from Shape.

    def vector(self, size):
        """The size as a vector of one."""
        if size not in DIMS:
            return self.const([size])
        if size in self.sizes:
            name, axis = self.sizes[size]
            return self.once(("vector", size), lambda: self.node("Shape", [name], torch.tensor([size]), start=axis, end=axis + 1))
        return self.node("Reshape", [self.scalar(size), self.const([-1])], torch.tensor([size]), allowzero=0)

    def scalar(self, size):
        if size not in DIMS:
            return self.const(size)
        if size in self.sizes:
            return self.once(("scalar", size), lambda: self.node("Squeeze", [self.vector(size)], torch.tensor(size), "sym_size_int"))
        if size == PAST + SEQ:
            return self.once(("scalar", size), lambda: self.node("Add", [self.scalar(PAST), self.scalar(SEQ)], torch.tensor(size), "add"))
        if size == SOURCE:
            return self.once(("scalar", size), self.halved)
        raise KeyError(size)

    def halved(self):
        """What a convolution with stride 2 leaves of the frames."""
        half = self.node("Div", [self.node("Add", [self.scalar(FRAMES), self.const(-1)]), self.const(2)], torch.tensor(SOURCE - 1), "floordiv")
        return self.node("Add", [half, self.const(1)], torch.tensor(SOURCE), "add")

    def once(self, key, make):
        if key not in self.memo:
            self.memo[key] = make()
        return self.memo[key]

    def merged(self, sizes):
        if any(s in DIMS for s in sizes):
            v = self.node("Concat", [self.const([-1]) if s == -1 else self.vector(s) for s in sizes], torch.tensor(sizes), axis=0)
        else:
            v = self.const(list(sizes))
        return v

    # Movement.

    def view(self, x, *sizes, allowzero=1, stem="view"):
        """One dynamic size is -1 in newer exports: shape inference knows the others."""
        want = x.t.reshape(sizes)
        full = list(want.shape)
        if not self.old and sum(s in DIMS for s in full) < 2:
            return self.node("Reshape", [x, self.const([-1 if s in DIMS else s for s in full])], want, stem, allowzero=1)
        return self.node("Reshape", [x, self.merged(sizes)], want, stem, allowzero=allowzero)

    def reshape(self, x, *sizes):
        return self.view(x, *sizes, allowzero=0 if self.old else 1)

    def permute(self, x, *perm):
        return self.node("Transpose", [x], x.t.permute(*perm), "permute", perm=perm)

    def transpose(self, x, a, b):
        perm = list(range(x.t.dim()))
        perm[a], perm[b] = perm[b], perm[a]
        return self.node("Transpose", [x], x.t.transpose(a, b), "transpose", perm=perm)

    def unsqueeze(self, x, *at):
        """Two in a row are one after the optimizer."""
        t = x.t
        for a in sorted(at):
            t = t.unsqueeze(a)
        return self.node("Unsqueeze", [x, self.const(sorted(at))], t, "unsqueeze")

    def expand(self, x, *sizes):
        """-1, which keeps a size, is 1 in ONNX."""
        want = x.t.expand(*sizes)
        if self.old and any(s in DIMS for s in sizes):
            merged = self.merged([-1 if s == -1 else s for s in sizes])
            return self.node("Expand", [x, self.node("Abs", [merged], torch.tensor(sizes).abs())], want, "expand")
        return self.node("Expand", [x, self.merged([1 if s == -1 else s for s in sizes])], want, "expand")

    def cat(self, xs, dim=-1):
        return self.node("Concat", xs, torch.cat([x.t for x in xs], dim), "cat", axis=dim)

    def slice(self, x, dim, start, end=END):
        cut = x.t.narrow(dim, start, min(end, x.shape[dim]) - start)
        ends = self.const([end]) if end not in DIMS else self.vector(end)
        starts = self.const([start]) if start not in DIMS else self.vector(start)
        return self.node("Slice", [x, starts, ends, self.const([dim]), self.const([1])], cut, "slice")

    def select(self, x, dim, i):
        return self.node("Gather", [x, self.const(i)], x.t.select(dim, i), "select", axis=dim)

    def chunk(self, x, n, dim):
        """Split, of which each result is an item of a sequence before the optimizer."""
        names = [self.fresh("split_split") for _ in range(n)]
        node = helper.make_node("Split", [x.name], names, name=f"node_split_{self.count}", axis=dim, num_outputs=n)
        self.nodes.append(with_metadata(node, self.count))
        return [Value(t, name) for t, name in zip(x.t.chunk(n, dim), names)]

    def repeat(self, x, *times):
        return self.node("Tile", [x, self.merged(times)], x.t.repeat(*times), "repeat")

    # Arithmetic.

    def wider(self, x):
        """To float32, which it is already unless a subclass says otherwise."""
        return x

    def narrower(self, x):
        return x

    def binary(self, kind, f, x, y):
        if not isinstance(x, Value):
            x = self.const(x, y.t.dtype)
        y = self.like(y, x)
        return self.node(kind, [x, y], f(x.t, y.t), kind.lower())

    def add(self, x, y):
        return self.binary("Add", torch.add, x, y)

    def sub(self, x, y):
        return self.binary("Sub", torch.sub, x, y)

    def mul(self, x, y):
        return self.binary("Mul", torch.mul, x, y)

    def div(self, x, y):
        return self.binary("Div", torch.div, x, y)

    def le(self, x, y):
        return self.binary("LessOrEqual", torch.le, x, y)

    def gt(self, x, y):
        return self.binary("Greater", torch.gt, x, y)

    def ge(self, x, y):
        return self.binary("GreaterOrEqual", torch.ge, x, y)

    def land(self, x, y):
        return self.binary("And", torch.logical_and, x, y)

    def pow(self, x, y):
        return self.binary("Pow", torch.pow, x, float(y))

    def unary(self, kind, x, **attrs):
        return self.node(kind, [x], getattr(torch, kind.lower())(x.t), kind.lower(), **attrs)

    def cast(self, x, dtype):
        return x if x.t.dtype == dtype else self.node("Cast", [x], x.t.to(dtype), "_to_copy", to=TYPES[dtype])

    def sum(self, x, dim, keep=False):
        return self.node("ReduceSum", [x, self.const([dim])], x.t.sum(dim, keep), "sum", keepdims=int(keep), noop_with_empty_axes=0)

    def mean(self, x):
        return self.node("ReduceMean", [x, self.const([-1])], x.t.mean(-1, True), "mean", keepdims=1, noop_with_empty_axes=0)

    def where(self, c, x, y):
        x = x if isinstance(x, Value) else self.const(x, torch.float32)
        y = y if isinstance(y, Value) else self.const(y, torch.float32)
        return self.node("Where", [c, x, y], torch.where(c.t, x.t, y.t), "where")

    def arange(self, end, start=0):
        t = torch.arange(start, end)
        return self.node("Range", [self.scalar(start), self.scalar(end), self.const(1)], t, "arange")

    def embedding(self, w, i):
        return self.node("Gather", [w, i], w.t[i.t], "embedding", axis=0)

    def index(self, x, at):
        """x[at[0], at[1]...]: all are brought to one shape by way of their maximum."""
        shape = self.node("Shape", [self.node("Max", at, torch.stack(torch.broadcast_tensors(*[i.t for i in at])).amax(0))], start=0) if len(at) > 1 else None
        wide = [self.node("Expand", [i, shape]) for i in at] if shape else at
        last = [self.node("Unsqueeze", [i, self.const([-1])]) for i in wide]
        at_all = self.node("Concat", last, axis=-1) if shape else last[0]
        return self.node("GatherND", [x, at_all], x.t[tuple(i.t for i in at)], "index", batch_dims=0)

    # Layers.

    def linear(self, x, w, bias=None):
        """w [out,in]; newer exports store it turned."""
        y = torch.nn.functional.linear(x.t, w.t, None if bias is None else bias.t)
        if x.t.dim() == 2:
            return self.node("Gemm", [x, w] + ([bias] if bias else []), y, "linear", transB=1, alpha=1.0, beta=1.0, transA=0)
        if self.old or w.name not in self.weights:
            turned = self.node("Transpose", [w], w.t.T, perm=[1, 0])
        else:
            turned = self.once(("turned", w.name), lambda: self.weight(self.fresh(), w.t.T.contiguous()))
        product = self.node("MatMul", [x, turned], x.t @ w.t.T, None if bias else "linear")
        return self.add(product, bias) if bias else product

    def addmm(self, c, x, w):
        return self.node("Gemm", [x, w, c], torch.addmm(c.t, x.t, w.t), "addmm", alpha=1.0, beta=1.0, transA=0, transB=0)

    def conv(self, x, w, bias, stride, padding):
        f = {3: torch.nn.functional.conv1d, 4: torch.nn.functional.conv2d}[x.t.dim()]
        r = x.t.dim() - 2
        return self.node("Conv", [x, w, bias], f(x.t, w.t, bias.t, stride, padding), f.__name__, group=1, pads=[padding] * 2 * r, strides=[stride] * r,
                         dilations=[1] * r, auto_pad="NOTSET")

    def matmul(self, x, y):
        return self.node("MatMul", [x, y], x.t @ y.t, "matmul")

    def softmax(self, x):
        return self.node("Softmax", [x], x.t.softmax(-1), "softmax", axis=-1)

    def layer_norm(self, x, w, c, eps=1e-5):
        y = torch.nn.functional.layer_norm(x.t, w.shape, w.t, c.t, eps)
        return self.node("LayerNormalization", [x, w, c], y, "layer_norm", axis=-1, epsilon=eps, stash_type=1)

    def rms_norm(self, x, w=None, eps=1e-6):
        """torch.nn.RMSNorm, which opset 23 has an operator for."""
        y = x.t * torch.rsqrt(x.t.pow(2).mean(-1, True) + eps) * (1 if w is None else w.t)
        if self.opset >= 23:
            return self.node("RMSNormalization", [x, w or self.const([1.0])], y, "rms_norm", axis=-1, epsilon=eps, stash_type=1)
        y = self.mul(x, self.rsqrt(self.add(self.mean(self.pow(x, 2)), eps)))
        return y if w is None else self.mul(y, w)

    def rsqrt(self, x):
        return self.node("Reciprocal", [self.node("Sqrt", [x], x.t.sqrt())], x.t.rsqrt(), "rsqrt")

    def silu(self, x):
        return self.mul(x, self.unary("Sigmoid", x))

    def gelu(self, x):
        y = torch.nn.functional.gelu(x.t)
        if self.opset >= 20:
            return self.node("Gelu", [x], y, "gelu", approximate="none")
        inner = self.add(self.node("Erf", [self.div(x, math.sqrt(2))], torch.erf(x.t / math.sqrt(2))), 1.0)
        return self.mul(x, self.mul(0.5, inner))

    def sdpa(self, q, k, v, mask=None, causal=False, scale=None):
        """torch.nn.functional.scaled_dot_product_attention of [B,H,L,D]."""
        hidden = LOWEST if self.opset < 23 and not self.old else -math.inf
        want = attention(q.t, k.t, v.t, mask, causal, scale, hidden)
        if self.opset >= 23:
            more = {} if scale is None else {"scale": scale}
            return self.node("Attention", [q, k, v] + ([mask] if mask else []), want, "scaled_dot_product_attention",
                             is_causal=int(causal), kv_num_heads=0, q_num_heads=0, qk_matmul_output_mode=0, softcap=0.0, **more)
        h, hkv = q.shape[1], k.shape[1]
        if h != hkv:
            k, v = self.enable_gqa(q, k), self.enable_gqa(q, v)
        scale = self.attention_scale(q) if scale is None else self.const(scale, torch.float32)
        if causal:
            mask = self.causal_mask(q, k)
        turned = self.keys_turned(k)
        scores = self.node("MatMul", [self.node("Mul", [q, self.node("Sqrt", [scale])]), self.node("Mul", [turned, self.node("Sqrt", [scale])])])
        if mask is None:
            return self.node("MatMul", [self.node("Softmax", [scores], axis=-1), v], want, "scaled_dot_product_attention")
        boolean = mask.t is not None and mask.t.dtype == torch.bool
        if boolean:
            mask = self.node("Where", [mask, self.const(0.0), self.const(-math.inf if self.old else LOWEST)])
        p = self.node("Softmax", [self.node("Add", [scores, mask])], axis=-1)
        if boolean:
            p = self.node("Where", [self.node("IsNaN", [p]), self.const(0.0), p])
        return self.node("MatMul", [p, v], want, "scaled_dot_product_attention")

    def attention_scale(self, q):
        d = self.node("Gather", [self.node("Shape", [q], start=0), self.const([-1])], axis=0)
        root = self.node("Sqrt", [self.node("CastLike", [d, q])])
        return self.node("Div", [self.node("CastLike", [self.const(1.0), q]), root])

    def keys_turned(self, k):
        one = lambda x: self.const([x])
        shape = self.node("Shape", [k], start=0)
        last = self.node("Slice", [shape, one(-1), one(END)])
        rows = self.node("Slice", [shape, one(-2), one(-1)])
        first = self.node("Slice", [shape, one(-END - 1), one(-2)])
        flat = self.node("Reshape", [k, self.node("Concat", [one(-1), rows, last], axis=0)], allowzero=0)
        return self.node("Reshape", [self.node("Transpose", [flat], perm=[0, 2, 1]), self.node("Concat", [first, last, rows], axis=0)], allowzero=0)

    def causal_mask(self, q, k):
        one = lambda x: self.const([x])
        size = self.node("Concat", [self.node("Slice", [self.node("Shape", [x], start=0), one(-2), one(-1)]) for x in (q, k)], axis=0)
        seen = self.node("Trilu", [self.node("Expand", [self.const(1.0), size])], upper=0)
        hidden = self.const(-math.inf if self.old else LOWEST)
        mask = self.node("Where", [self.node("Equal", [seen, self.const(0.0)]), hidden, self.const(0.0)])
        return self.node("CastLike", [mask, q]) if self.old else mask

    def enable_gqa(self, q, k):
        """Repeats heads of keys by sizes, even those that are known."""
        part = lambda x, i: self.node("Shape", [x], start=i, end=i + 1)
        times = self.node("Div", [part(q, 1), part(k, 1)])
        wide = self.node("Expand", [self.node("Unsqueeze", [k, self.const([2])]),
                                    self.node("Concat", [part(q, 0), part(k, 1), times, part(k, 2), part(k, 3)], axis=0)])
        return self.node("Reshape", [wide, self.node("Concat", [part(q, 0), part(q, 1), part(k, 2), part(k, 3)], axis=0)],
                         k.t.repeat_interleave(q.shape[1] // k.shape[1], 1), allowzero=0)


def attention(q, k, v, mask, causal, scale, hidden):
    """What is hidden counts as the exporter has it: a row of nothing else is 0 with -inf, the mean of the values with the lowest number."""
    if k.shape[1] != q.shape[1]:
        k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in (k, v))
    s = q @ k.transpose(-1, -2) * (scale or 1 / math.sqrt(q.shape[-1]))
    if causal:
        s = s.masked_fill(torch.ones(s.shape[-2:], dtype=torch.bool).triu(1), hidden)
    if mask is not None and mask.t.dtype == torch.bool:
        s = s.masked_fill(~mask.t, hidden)
    elif mask is not None:
        s = s + mask.t
    return s.softmax(-1).nan_to_num(0.0) @ v


def with_metadata(node, number):
    """Adds metadata_props, field 9 of a node, which onnx 1.12 does not know: it keeps the bytes."""
    entries = {"namespace": f": __main__.Model/node_{number}: aten.op", "pkg.torch.onnx.fx_node": f"%node_{number} : [num_users=1]"}
    raw = node.SerializeToString()
    for key, value in entries.items():
        entry = b"\x0a" + bytes([len(key)]) + key.encode() + b"\x12" + bytes([len(value)]) + value.encode()
        assert len(value) < 128
        raw += b"\x4a" + varint(len(entry)) + entry
    n = NodeProto()
    n.ParseFromString(raw)
    return n


def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7])


def info(g, name, t):
    return helper.make_tensor_value_info(name, TYPES[g.array(name, t).dtype], [DIMS.get(s, s) for s in t.shape])


def tensor(g, name, t):
    return numpy_helper.from_array(g.array(name, t).detach().contiguous().numpy(), name)


def proto(g):
    """The model: unused weights are left out, intermediate results have their types."""
    used = {i for n in g.nodes for i in n.input}
    weights = [tensor(g, name, t) for name, t in g.weights.items() if name in used]
    known = [info(g, o, g.types[o]) for n in g.nodes for o in n.output if o in g.types]
    graph = helper.make_graph(g.nodes, "main_graph", [info(g, *i) for i in g.inputs], [info(g, *o) for o in g.outputs], weights, value_info=known)
    version = "2.6.0" if g.old else "2.9.1"
    domains = {"": g.opset} | {f.domain: 1 for f in g.functions}
    return helper.make_model(graph, functions=g.functions, ir_version=10, producer_name="pytorch", producer_version=version,
                             opset_imports=[helper.make_opsetid(*d) for d in domains.items()])


def prune(g):
    """Removes nodes that nothing needs, as the optimizer does."""
    needed, kept = {name for name, _ in g.outputs}, []
    for n in reversed(g.nodes):
        if any(o in needed for o in n.output):
            needed.update(n.input)
            kept.append(n)
    g.nodes = kept[::-1]


def record(folder, g, make):
    """Builds, and writes model and data in the layout of ONNX's backend tests."""
    make(g)
    prune(g)
    model = proto(g)
    shutil.rmtree(folder, ignore_errors=True)
    data = os.path.join(folder, "test_data_set_0")
    os.makedirs(data)
    if g.external:
        outside(model, folder)
    with open(os.path.join(folder, "model.onnx"), "wb") as f:
        f.write(model.SerializeToString())
    if g.atol:
        with open(os.path.join(folder, "data.json"), "w") as f:
            json.dump({"atol": g.atol, "rtol": 0}, f)
            f.write("\n")
    for kind, tensors in (("input", g.inputs), ("output", g.outputs)):
        for i, (name, t) in enumerate(tensors):
            assert torch.isfinite(t.float()).all(), f"{g.name}: {name} is not finite"
            with open(os.path.join(data, f"{kind}_{i}.pb"), "wb") as f:
                f.write(tensor(g, name, t).SerializeToString())
    size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder) if f.startswith("model"))
    assert size < 300_000, f"{g.name}: {size} bytes"
    print(f"{g.name}: {len(g.nodes)} nodes, {size} bytes, outputs to {max(t.abs().max() for _, t in g.outputs):.3g}")


def outside(model, folder):
    """Puts the weights in model.onnx.data, each at a multiple of 4096, and constants of sizes too, as ONNXProgram.save does."""
    with open(os.path.join(folder, "model.onnx.data"), "wb") as f:
        for t in model.graph.initializer:
            raw = t.raw_data
            if len(raw) < 1024:
                continue
            f.write(b"\0" * (-f.tell() % 4096))
            del t.external_data[:]
            for key, value in (("location", "model.onnx.data"), ("offset", f.tell()), ("length", len(raw))):
                entry = t.external_data.add()
                entry.key, entry.value = key, str(value)
            t.data_location = TensorProto.EXTERNAL
            t.ClearField("raw_data")
            f.write(raw)
