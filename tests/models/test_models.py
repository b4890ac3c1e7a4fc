"""Models of every kind: right at every level, the same bits at any number of threads, in files and as text."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from listing import MODELS

import aicomp as ac
from aicomp.interpreter import interpret
from aicomp.ir import Graph, Node, Value
from aicomp.parse import parse_graph
from aicomp.text import large_constants, print_graph
from aicomp.tree import leaves
from aicomp.types import FLOAT64, DType, TensorType, is_float

for family in ("image_models", "sequence_models", "science_models"):
    import_module(family)

PRECISION = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}
SLACK = 16  # times the error of NumPy, or two units in the last place, that compiled code may make


def wide(dtype: DType) -> DType:
    return FLOAT64 if is_float(dtype) else dtype


def widened(graph: Graph) -> Graph:
    """Return a graph that computes in float64."""
    values = {value: Value(TensorType(value.shape, wide(value.dtype)), name=value.name) for value in graph.inputs}
    for node in graph.nodes:
        attrs = dict(node.attrs)
        for name, attr in attrs.items():
            if isinstance(attr, np.dtype):
                attrs[name] = wide(attr)
            elif isinstance(attr, np.ndarray):
                attrs[name] = attr.astype(wide(attr.dtype))
        new = Node(node.op, [values[value] for value in node.inputs], attrs, [widened(r) for r in node.regions])
        values.update(zip(node.outputs, new.outputs, strict=True))
    return Graph.build(graph.name, [values[v] for v in graph.inputs], [values[v] for v in graph.outputs])


def error(got: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest error, in parts of the largest finite number; infinities must agree."""
    got, finite = got.astype(np.float64), np.isfinite(exact)
    np.testing.assert_array_equal(got[~finite], exact[~finite])
    if not finite.any():
        return 0.0
    return float(np.abs(got[finite] - exact[finite]).max() / max(np.abs(exact[finite]).max(), 1e-30))


def check(got: object, eager: list[np.ndarray], exact: list[np.ndarray]) -> None:
    """Check that results are as good as NumPy's."""
    for result, numpy, wanted in zip(leaves(got), eager, exact, strict=True):
        assert (result.dtype, result.shape) == (numpy.dtype, numpy.shape)
        if is_float(numpy.dtype):
            limit = SLACK * max(error(numpy, wanted), 2 * PRECISION[numpy.dtype.name])
            assert error(result, wanted) <= limit
        else:
            np.testing.assert_array_equal(result, numpy)


def bits(results: object) -> list[bytes]:
    return [result.tobytes() for result in leaves(results)]


def test_no_model_hides_another():
    assert len(MODELS) == 33


@pytest.mark.parametrize("name", MODELS)
def test_model(name, tmp_path):
    function, inputs = MODELS[name]
    graph = ac.trace(function, *inputs)
    flat = [np.asarray(leaf) for leaf in leaves(inputs)]
    with np.errstate(all="ignore"):
        eager = [np.asarray(leaf) for leaf in leaves(function(*inputs))]
        exact = interpret(widened(graph), [leaf.astype(wide(leaf.dtype)) for leaf in flat])

    exe = ac.compile(graph, threads=1)
    results = exe(*inputs)
    check(results, eager, exact)
    assert bits(exe(*inputs)) == bits(results)
    assert bits(ac.compile(graph, threads=2)(*inputs)) == bits(results)
    check(ac.compile(graph, opt_level=0, threads=2)(*inputs), eager, exact)
    check(ac.compile(graph, cpu="x86-64", threads=1)(*inputs), eager, exact)

    exe.save(tmp_path / "model.aicx")
    assert bits(ac.load(tmp_path / "model.aicx", threads=1)(*inputs)) == bits(results)
    ac.save(graph, tmp_path / "model.aic")
    assert bits(ac.compile(tmp_path / "model.aic", threads=1)(*inputs)) == bits(results)
    for each in (graph, exe.graph):
        text = print_graph(each)
        assert print_graph(parse_graph(text, large_constants(each))) == text
