"""`aicomp verify`: compiled outputs against a judge's, exit code 3 where they differ.

aicomp verify lenet5.py:model --against interpreter --rtol 1e-4
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ..errors import AicompError
from ..interpreter import interpret
from ..ir import Graph
from ..tree import leaves
from .agree import compare
from .feeds import load_inputs
from .models import compile_model, import_model, nested
from .show import as_json, progress, table

Array = np.ndarray[Any, Any]
MISMATCH = 3


def run(args: argparse.Namespace) -> int:
    """Run the model compiled and by the judge on the same inputs, and compare."""
    graph = import_model(args)
    exe = compile_model(args, graph)
    arrays = load_inputs(exe.input_specs, dict(args.inputs), args.fill, args.seed)
    with progress(f"running {args.against}"):
        expected = judge(args, graph, arrays)
    findings = compare(exe.output_specs, expected, leaves(exe(*nested(exe, arrays))), args.rtol, args.atol)
    if args.json:
        print(as_json([asdict(finding) for finding in findings]))
    else:
        table([finding.row() for finding in findings], title=f"{args.model} against {args.against}")
    return MISMATCH if any(finding.breach for finding in findings) else 0


def judge(args: argparse.Namespace, graph: Graph, arrays: Sequence[Array]) -> Sequence[Array]:
    """Return the outputs that the judge computes. Raises AicompError where it cannot."""
    if args.against == "interpreter":
        return interpret(graph, arrays)
    if not args.model.endswith(".onnx"):
        raise AicompError(f"onnxruntime judges .onnx models only, not {args.model}")
    if importlib.util.find_spec("onnxruntime") is None:
        raise AicompError("onnxruntime is not installed: pip install onnxruntime")
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(args.model, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    results: Sequence[Array] = session.run(None, dict(zip(names, arrays, strict=True)))
    return results
