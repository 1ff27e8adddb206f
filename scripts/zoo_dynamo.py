#!/usr/bin/env python3
"""Writes small transformers, as torch.onnx.export(dynamo=True) does, to testdata/zoo in the layout of ONNX's backend tests.

    scripts/zoo_dynamo.py [NAME...]        all models, or those whose names contain one of the words

The exporter itself needs a newer PyTorch: scripts/zoo/dynamo.py writes what it would, operator by operator, and computes with PyTorch 1.13
what should come out. Needs that and onnx 1.12 (Debian: python3-torch, python3-onnx).
"""
import os
import sys

from zoo import dynamo_dual, dynamo_half, dynamo_models, dynamo_raw
from zoo.dynamo import Graph, record


def main(words):
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testdata", "zoo")
    for family, graph in ((dynamo_dual, Graph), (dynamo_models, Graph), (dynamo_raw, dynamo_raw.Raw), (dynamo_half, dynamo_half.Half)):
        for name, (make, options) in family.MODELS.items():
            if not words or any(w in name for w in words):
                record(os.path.join(top, name), graph(name, **options), make)


if __name__ == "__main__":
    main(sys.argv[1:])
