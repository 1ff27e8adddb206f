"""Exports a module and records what PyTorch computes with it."""
import io
import json
import math
import os
import shutil
import warnings
import zlib
from dataclasses import dataclass, field

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper


@dataclass
class Model:
    """A module and how it is exported. axes names dynamic dimensions: {"x": {0: "batch"}}; an output that is not mentioned gets what
    the exporter finds out. half is the type that the exported graph is converted to, since PyTorch's CPU cannot run all of float16."""
    module: torch.nn.Module
    inputs: dict
    outputs: list
    axes: dict = field(default_factory=dict)
    opset: int = 16
    script: bool = False
    half: bool = False
    atol: float = 0
    fold: bool = True
    names: bool = True
    functions: bool = False  # modules become functions of the model
    weights: bool = False    # weights are inputs, too, with defaults
    unnamed: bool = False    # dynamic dimensions have no names
    double: bool = False
    keep: tuple = ()  # parameters that keep what the module set


def seed(name):
    torch.manual_seed(zlib.crc32(name.encode()))


def draw(module, keep):
    """Random weights that matter: attention is far from uniform, and no scale is 1 or bias 0."""
    for name, p in sorted(module.named_parameters()):
        if any(k in name for k in keep) or not p.is_floating_point():
            continue
        with torch.no_grad():
            if "lam" in name or "gate" in name and p.numel() < 32:
                p.uniform_(0.2, 0.8)
            elif p.dim() >= 2:
                p.normal_(0, 1.2 / math.sqrt(p[0].numel()))
            elif name.endswith("bias"):
                p.normal_(0, 0.2)
            else:
                p.uniform_(0.5, 1.5)


def tensor(t, name):
    if t.dtype == torch.bfloat16:
        raw = t.contiguous().view(torch.int16).numpy().tobytes()
        return helper.make_tensor(name, TensorProto.BFLOAT16, t.shape, raw, raw=True)
    return numpy_helper.from_array(t.detach().numpy(), name)


def flat(out):
    if isinstance(out, torch.Tensor):
        return [out]
    return [t for o in out for t in flat(o)]


def to_float16(model):
    """Makes a graph of bfloat16 one of float16."""
    def value(t):
        if t.data_type != TensorProto.BFLOAT16:
            return
        bits = np.frombuffer(t.raw_data, dtype=np.uint16).astype(np.uint32) << 16
        t.raw_data = bits.view(np.float32).clip(-65504, 65504).astype(np.float16).tobytes()
        t.data_type = TensorProto.FLOAT16

    for t in model.graph.initializer:
        value(t)
    for n in model.graph.node:
        for a in n.attribute:
            if a.type == onnx.AttributeProto.TENSOR:
                value(a.t)
            if n.op_type == "Cast" and a.name == "to" and a.i == TensorProto.BFLOAT16:
                a.i = TensorProto.FLOAT16
    for v in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        if v.type.tensor_type.elem_type == TensorProto.BFLOAT16:
            v.type.tensor_type.elem_type = TensorProto.FLOAT16


def wanted(module, inputs):
    """What the module computes; with weights of 16 bits, what it would compute if only they were rounded."""
    kind = next(iter(module.parameters())).dtype
    if kind != torch.bfloat16:
        return module(*inputs)
    with torch.no_grad():
        outputs = [t.bfloat16() for t in flat(module.float()(*inputs))]
    module.bfloat16()
    return outputs


def export(name, m):
    """The model as ONNX, and what it computes: inputs and outputs by their names."""
    module = m.module.eval()
    want = flat(wanted(module, m.inputs.values()))
    assert len(want) == len(m.outputs), f"{name}: {len(want)} outputs, {len(m.outputs)} names"
    buf = io.BytesIO()
    exported = torch.jit.script(module) if m.script else module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(exported, tuple(m.inputs.values()), buf, opset_version=m.opset, input_names=list(m.inputs), output_names=m.outputs,
                          dynamic_axes=m.axes, do_constant_folding=m.fold, export_modules_as_functions=m.functions,
                          keep_initializers_as_inputs=m.weights)
    model = onnx.load_model_from_string(buf.getvalue())
    model.producer_version = torch.__version__.split("a")[0]
    if m.unnamed:
        for v in [*model.graph.input, *model.graph.output]:
            for d in v.type.tensor_type.shape.dim:
                if d.HasField("dim_param"):
                    d.Clear()
    for n in model.graph.node:
        n.doc_string = ""
        if not m.names:
            n.name = ""
    inputs = list(m.inputs.values())
    if m.half:
        to_float16(model)
        inputs = [t.half() if t.dtype == torch.bfloat16 else t for t in inputs]
        want = [t.half() if t.dtype == torch.bfloat16 else t for t in want]
    elif not m.functions:  # the checker of 1.12 wants attributes in functions that it does not know
        onnx.checker.check_model(model)
    return model, dict(zip(m.inputs, inputs)), dict(zip(m.outputs, want))


def record(folder, name, make):
    seed(name)
    m = make()
    draw(m.module.eval(), m.keep)
    model, inputs, want = export(name, m)
    save(folder, name, model, [(inputs, want)], m.atol)


def save(folder, name, model, sets, atol=0):
    shutil.rmtree(folder, ignore_errors=True)
    for k, (inputs, want) in enumerate(sets):
        data = os.path.join(folder, f"test_data_set_{k}")
        os.makedirs(data)
        # The graph's inputs are those of the call that it needs.
        for i, v in enumerate(v for v in model.graph.input if v.name in inputs):
            write(os.path.join(data, f"input_{i}.pb"), tensor(inputs[v.name], v.name))
        for i, v in enumerate(model.graph.output):
            t = want[v.name].detach()
            assert t.dtype not in (torch.float32, torch.bfloat16) or torch.isfinite(t).all(), f"{name}: output {i} is not finite"
            write(os.path.join(data, f"output_{i}.pb"), tensor(t, v.name))
    onnx.save(model, os.path.join(folder, "model.onnx"))
    if atol:
        with open(os.path.join(folder, "data.json"), "w") as f:
            json.dump({"atol": atol, "rtol": 0}, f)
            f.write("\n")
    size = os.path.getsize(os.path.join(folder, "model.onnx"))
    assert size < 300_000, f"{name}: {size} bytes"
    largest = max(t.float().abs().max() for _, want in sets for t in want.values() if t.numel())
    print(f"{name}: {len(model.graph.node)} nodes, {size} bytes, outputs to {largest:.3g}")


def write(path, message):
    with open(path, "wb") as f:
        f.write(message.SerializeToString())
