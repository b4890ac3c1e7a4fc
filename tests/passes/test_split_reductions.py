"""Long reductions are cut in pieces of one axis where few results leave processors idle."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.contract import Contract
from aicomp.interpreter import interpret
from aicomp.ops.composite import region
from aicomp.passes.split_reductions import split_reductions
from aicomp.types import TensorType
from aicomp.verify import verify

from .graphs import build, names


def run(function, *types, **options):
    before = build(function, *types)
    after = split_reductions(before, **options)
    verify(after)
    rng = np.random.default_rng(0)
    arrays = [rng.integers(-2, 3, value.shape).astype(value.dtype) for value in before.inputs]
    for a, b in zip(interpret(before, arrays), interpret(after, arrays), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    return after


def partial(graph):
    """Return the shape of the partial results, None where the reduction is whole."""
    folds = [node for node in graph.nodes if "axes" in node.attrs]
    return folds[0].outputs[0].shape if len(folds) == 2 else None


NUMERIC = [(name, element) for name in ("sum", "prod", "max", "min") for element in ("f32", "i64")]


@pytest.mark.parametrize(("name", "element"), [*NUMERIC, ("any", "bool"), ("all", "bool"), ("max", "bool")])
def test_every_fold_is_that_of_its_pieces(name, element):
    fold = ops.OPS[name]
    after = run(lambda x: fold(x, axes=0), f"{element}[256]", elements=128, pieces=8)
    assert names(after) == ["reshape", name, name, "reshape"]
    assert partial(after) == (8, 1)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2), (2,), (1, 2)])
def test_any_axes_of_any_shape(axes, keepdims):
    after = run(lambda x: ops.sum(x, axes=axes, keepdims=keepdims), "f32[2,3,256]", elements=200, pieces=16)
    expected = [1 if axis in axes else n for axis, n in enumerate((2, 3, 256))]
    assert partial(after) == (*expected[:2], 16, 1)


def test_the_longest_axis_is_cut():
    after = run(lambda x: ops.max(x, axes=(0, 1)), "f32[96,8]", elements=128, pieces=16)
    assert partial(after) == (16, 1, 1)


def test_pieces_are_equal_and_as_many_as_can_be():
    after = run(lambda x: ops.sum(x, axes=0), "f32[450]", elements=128, pieces=16)
    assert partial(after) == (15, 1)


@pytest.mark.parametrize(
    ("reason", "shape", "axes"),
    [
        ("short", (127,), (0,)),
        ("many results", (16, 256), (1,)),
        ("of prime length", (257,), (0,)),
        ("too few elements for a piece", (128,), (0,)),
    ],
)
def test_what_is_left_whole(reason, shape, axes):
    graph = build(lambda x: ops.sum(x, axes=axes), f"f32[{','.join(map(str, shape))}]")
    assert split_reductions(graph, elements=128, pieces=16) is graph


def test_positions_are_left_whole():
    graph = build(lambda x: ops.argmax(x, axis=0), "f32[4096]")
    assert split_reductions(graph, elements=128, pieces=16) is graph


def test_defaults_cut_a_long_sum_only():
    assert partial(split_reductions(build(lambda x: ops.sum(x), "f32[4194304]"))) == (64, 1)
    short = build(lambda x: ops.sum(x), "f32[8192]")
    assert split_reductions(short) is short


def test_the_source_line_and_regions():
    body = region(lambda x: ops.sum(x, axes=0), [TensorType.parse("f32[256]")])
    after = split_reductions(build(lambda x: ops.fusion(x, regions=[body]), "f32[256]"), elements=128, pieces=8)
    assert names(after.nodes[0].regions[0]) == ["reshape", "sum", "sum", "reshape"]
    assert split_reductions.contract is Contract.REASSOCIATES
