"""matmul and conv against NumPy and a direct loop, over dtypes, ranks and geometry."""

from itertools import product

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError
from aicomp.interpreter import interpret
from aicomp.ir import Graph, Node, Value
from aicomp.ops.composite import decompose
from aicomp.types import TensorType
from aicomp.types import dtype as named

from .arrays import FLOATS, INTEGERS, dtype, tensor

MATMULS = [
    ((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)),
    ((5, 2, 3), (3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((2, 1, 1, 2, 3), (1, 4, 1, 3, 2)), ((0, 3), (3, 2)),
    ((2, 0), (0, 3)), ((0,), (0,)), ((0, 2, 3), (1, 3, 2)), ((1, 1), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("a, b", MATMULS)
@pytest.mark.parametrize("name", ["float32", "int32"])
def test_matmul_shapes(a, b, name):
    x, y = tensor(a, name), tensor(b, name, seed=1)
    got = ops.matmul(x, y)
    assert got.dtype == x.dtype and got.shape == np.shape(x @ y)
    assert np.array_equal(got, x @ y)


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "bool"])
def test_matmul_dtypes(name):
    x, y = tensor((3, 4), name), tensor((4, 5), name, seed=1)
    exact = x.astype(np.float64) @ y.astype(np.float64)
    wanted = exact != 0 if name == "bool" else exact.astype(np.int64).astype(dtype(name))
    got = ops.matmul(x, y)
    assert got.dtype == x.dtype and np.array_equal(got, wanted)


def test_16_bit_products_accumulate_in_float32():
    x = np.ones((1, 3000), np.float16)
    assert ops.matmul(x, x.T) == 3000
    assert ops.matmul(x.astype(dtype("bfloat16")), x.T.astype(dtype("bfloat16"))).astype(float) == 3008


def value(shape, name="float32"):
    return Value(TensorType(shape, named(name)))


def run(values, results, *arrays):
    """Return the first result of a graph, and the ops it has."""
    graph = Graph.build("f", values, results)
    return interpret(graph, arrays)[0], [node.op.name for node in graph.nodes]


@pytest.mark.parametrize("a, b", [pair for pair in MATMULS if min(map(len, pair)) == 1])
def test_matmul_of_vectors_decomposes(a, b):
    values = value(a), value(b)
    got, names = run(values, decompose(Node(ops.matmul, values)), tensor(a), tensor(b, seed=1))
    assert np.array_equal(got, tensor(a) @ tensor(b, seed=1)) and got.shape == np.shape(tensor(a) @ tensor(b))
    assert names[-2:] == ["matmul", "reshape"]


def test_matmul_of_matrices_stays():
    node = Node(ops.matmul, (value((2, 3)), value((3, 4))))
    assert decompose(node) == node.outputs
    assert ops.matmul.decompose(*node.inputs) is NotImplemented


@pytest.mark.parametrize("call, message", [
    (lambda: ops.matmul(tensor((2, 3)), tensor((4, 5))),
     r"matmul\(f32\[2,3\], f32\[4,5\]\): the last axis of f32\[2,3\] is 3, but f32\[4,5\] has 4 rows"),
    (lambda: ops.matmul(tensor(()), tensor((3,))), "at least one axis on either side"),
    (lambda: ops.matmul(tensor((2, 2, 3)), tensor((3, 3, 1))), "do not broadcast"),
    (lambda: ops.matmul(tensor((3,)), tensor((3,), "int32")), "needs operands of one dtype"),
])  # fmt: skip
def test_matmul_errors(call, message):
    with pytest.raises(GraphError, match=message):
        call()


def conv_by_hand(x, w, strides, padding, dilation, groups):
    """Convolve x [N,C,*S] with w [O,C/G,*K] by the definition, an output at a time."""
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    spans = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    counts = [max((n - span) // s + 1, 0) for n, span, s in zip(x.shape[2:], spans, strides, strict=True)]
    out = np.zeros((x.shape[0], w.shape[0], *counts), x.dtype)
    for o, *at in product(range(w.shape[0]), *map(range, counts)):
        first = o // (w.shape[0] // groups) * w.shape[1]
        cut = [slice(i * s, i * s + n, d) for i, s, n, d in zip(at, strides, spans, dilation, strict=True)]
        patch = x[(slice(None), slice(first, first + w.shape[1]), *cut)]
        out[(slice(None), o, *at)] = (patch * w[o]).sum(axis=tuple(range(1, x.ndim)), dtype=x.dtype)
    return out


CONVS = [
    ((2, 3, 7), (4, 3, 3), (1,), ((0, 0),), (1,), 1),
    ((1, 4, 9), (6, 2, 2), (2,), ((1, 0),), (3,), 2),
    ((2, 3, 5, 6), (4, 3, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    ((1, 4, 8, 7), (4, 1, 3, 2), (2, 3), ((0, 2), (1, 0)), (1, 2), 4),
    ((1, 6, 5, 5), (9, 2, 1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1), 3),
    ((2, 2, 4, 5, 6), (2, 1, 2, 3, 2), (1, 2, 1), ((1, 0), (0, 0), (2, 1)), (2, 1, 1), 2),
    ((0, 3, 5), (4, 3, 3), (1,), ((0, 0),), (1,), 1),
    ((1, 3, 0, 4), (2, 3, 1, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ((1, 0, 4), (2, 0, 3), (1,), ((1, 1),), (1,), 1),
    ((1, 2, 4), (0, 2, 3), (1,), ((1, 1),), (1,), 1),
]


@pytest.mark.parametrize("x, w, strides, padding, dilation, groups", CONVS)
def test_conv(x, w, strides, padding, dilation, groups):
    x, w = tensor(x), tensor(w, seed=1)
    geometry = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    wanted = conv_by_hand(x, w, **geometry)
    got = ops.conv(x, w, **geometry)
    assert got.shape == wanted.shape and np.array_equal(got, wanted)
    last = ops.conv(np.moveaxis(x, 1, -1), np.moveaxis(w, (0, 1), (-1, -2)), channels_last=True, **geometry)
    assert np.array_equal(last, np.moveaxis(wanted, 1, -1))


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "bool"])
def test_conv_dtypes(name):
    x, w = tensor((1, 2, 5), name), tensor((3, 2, 3), name, seed=1)
    geometry = {"strides": (1,), "padding": ((1, 1),), "dilation": (1,), "groups": 1}
    exact = conv_by_hand(x.astype(np.int64), w.astype(np.int64), **geometry)
    got = ops.conv(x, w, **geometry)
    assert got.dtype == x.dtype and np.array_equal(got, exact.astype(dtype(name)))


@pytest.mark.parametrize("last", [False, True])
def test_conv_with_bias(last):
    x, w, bias = (
        tensor((2, 4, 3, 4)),
        tensor((4, 3, 2, 2) if not last else (2, 2, 4, 5)),
        tensor((4 if not last else 5,)),
    )
    x = x if last else tensor((2, 3, 5, 6))
    plain = ops.conv(x, w, channels_last=last)
    wanted = plain + (bias if last else bias[:, None, None])
    assert np.array_equal(ops.conv(x, w, bias, channels_last=last), wanted)
    values = value(x.shape), value(w.shape), value(bias.shape)
    got, names = run(values, decompose(Node(ops.conv, values, {"channels_last": last})), x, w, bias)
    assert np.array_equal(got, wanted) and names == ["conv", "reshape", "add"]


def test_conv_without_bias_stays():
    node = Node(ops.conv, (value((1, 2, 3)), value((4, 2, 3))))
    assert decompose(node) == node.outputs


@pytest.mark.parametrize("padding, strides, wanted", [
    ("same", 1, ((1, 1), (0, 1))), ("same", 2, ((0, 1), (0, 0))), ("valid", 1, ((0, 0), (0, 0))),
    (2, 1, ((2, 2), (2, 2))),
    ((1, 2), 1, ((1, 1), (2, 2))), (((1, 2), (0, 3)), 1, ((1, 2), (0, 3))), ([1, (2, 0)], 1, ((1, 1), (2, 0))),
])  # fmt: skip
def test_conv_attributes_are_canonical(padding, strides, wanted):
    node = Node(ops.conv, (value((1, 1, 6, 6)), value((1, 1, 3, 2))), {"padding": padding, "strides": strides})
    assert node.attrs["padding"] == wanted
    assert node.attrs["strides"] == (strides, strides) and node.attrs["dilation"] == (1, 1)


def conv(x, w, **attrs):
    return lambda: ops.conv(tensor(x), tensor(w), **attrs)


@pytest.mark.parametrize("call, message", [
    (conv((1, 3, 5), (4, 2, 3)), r"3 channels in and 4 out, in 1 groups, do not fit weights f32\[4,2,3\]"),
    (conv((1, 4, 5), (3, 2, 3), groups=2), "3 out, in 2 groups"),
    (conv((1, 3, 5), (4, 3, 3, 3)), "needs x and w of one rank, 3 to 5"),
    (conv((1, 3), (4, 3)), "needs x and w of one rank"),
    (conv((1, 3, 5), (4, 3, 6)), r"a window of 6 does not fit an axis of 5 \(padded\)"),
    (conv((1, 3, 5), (4, 3, 3), dilation=3), "a window of 7 does not fit"),
    (conv((1, 3, 5), (4, 3, 3), strides=0), r"strides \(0,\) has an entry below 1"),
    (conv((1, 3, 5), (4, 3, 0)), r"kernel \(0,\) has an entry below 1"),
    (conv((1, 3, 5), (4, 3, 3), groups=0), r"groups \(0,\) has an entry below 1"),
    (conv((1, 3, 5), (4, 3, 3), padding=-1), "padding -1 needs 1 sizes, or .* of at least 0"),
    (conv((1, 3, 5), (4, 3, 3), padding="full"), 'padding \'full\' is neither "same" nor "valid"'),
    (conv((1, 3, 5), (4, 3, 3), padding=(1, 1)), "needs 1 sizes"),
    (conv((1, 3, 5), (4, 3, 3), strides=(1, 1)), r"strides \(1, 1\) needs 1 entries"),
    (lambda: ops.conv(tensor((1, 3, 5)), tensor((4, 3, 3)), tensor((3,))), r"bias is f32\[3\], expected f32\[4\]"),
    (lambda: ops.conv(tensor((1, 3, 5)), tensor((4, 3, 3), "float64")), "needs operands of one dtype"),
])  # fmt: skip
def test_conv_errors(call, message):
    with pytest.raises(GraphError, match=message):
        call()
