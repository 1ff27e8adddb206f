#!/usr/bin/env python3
"""Writes small transformers, as PyTorch exports them, to testdata/zoo in the layout of ONNX's backend tests.

    scripts/zoo.py [NAME...]        all models, or those whose names contain one of the words

Needs PyTorch 1.13 and onnx 1.12 (Debian: python3-torch, python3-onnx). Weights and inputs are random, seeded by the model's name,
so that adding a model changes no other.
"""
import os
import sys
import traceback

from zoo import cached, decoders, dual, dual_heads, dual_scores, encoders, modern, others, vision
from zoo.record import record

FAMILIES = (dual, dual_heads, dual_scores, encoders, decoders, cached, vision, others, modern)


def main(words):
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testdata", "zoo")
    failed = []
    models = [(name, record, make) for family in FAMILIES for name, make in family.MODELS.items()]
    models += [(name, cached.merged, make) for name, make in cached.MERGED.items()]
    for name, write, make in models:
        if words and not any(w in name for w in words):
            continue
        try:
            write(os.path.join(top, name), name, make)
        except Exception:  # the others are recorded all the same
            traceback.print_exc()
            failed.append(name)
    if failed:
        sys.exit("not recorded: " + " ".join(failed))


if __name__ == "__main__":
    main(sys.argv[1:])
