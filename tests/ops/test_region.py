"""Operators that carry graphs: what they compute, and what they say of a body that does not fit."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError, InputTypeError
from aicomp.ops.composite import region
from aicomp.types import TensorType

from .arrays import tensor

F32 = TensorType.parse


def graph(function, *types):
    return region(function, [F32(text) for text in types])


def test_fusion():
    body = graph(lambda x, y: (x + y, x * y), "f32[3]", "f32[3]")
    x, y = tensor((3,)), tensor((3,), seed=1)
    total, product = ops.fusion(x, y, regions=[body], kind="loop")
    assert np.array_equal(total, x + y) and np.array_equal(product, x * y)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan(reverse):
    def step(h, x, scale):
        return h + x * scale, h

    body = graph(step, "f32[2]", "f32[2]", "f32[2]")
    h, xs, scale = tensor((2,)), tensor((4, 2)), tensor((2,), seed=1)
    last, before = ops.scan(h, xs, scale, regions=[body], num_carry=1, num_xs=1, length=4, reverse=reverse)
    states = [h]
    for x in xs[::-1] if reverse else xs:
        states.append(states[-1] + x * scale)
    assert np.array_equal(last, states[-1])
    assert np.array_equal(before, states[:-1][::-1] if reverse else states[:-1])


def test_scan_of_length_0():
    body = graph(lambda h, x: (h + x, x), "f32[]", "f32[]")
    last, ys = ops.scan(np.float32(3), np.zeros(0, np.float32), regions=[body], num_carry=1, num_xs=1, length=0)
    assert last == 3 and ys.shape == (0,)


def test_scan_without_inputs_to_slice():
    body = graph(lambda h: h + h, "i32[]")
    assert ops.scan(np.int32(1), regions=[body], num_carry=1, num_xs=0, length=10) == 1024


def test_while():
    condition = graph(lambda i, total, n: i < n, "i64[]", "i64[]", "i64[]")
    body = graph(lambda i, total, n: (i + 1, total + i), "i64[]", "i64[]", "i64[]")
    zero, n = np.int64(0), np.int64(5)
    count, total = ops.OPS["while"](zero, zero, n, regions=[condition, body], num_carry=2)
    assert (count, total) == (5, 10)
    assert ops.OPS["while"](n, zero, n, regions=[condition, body], num_carry=2) == (5, 0)


def test_cond():
    then, otherwise = graph(lambda x: x + 1, "f32[2]"), graph(lambda x: x - 1, "f32[2]")
    x = tensor((2,))
    assert np.array_equal(ops.cond(np.bool_(True), x, regions=[then, otherwise]), x + 1)
    assert np.array_equal(ops.cond(np.bool_(False), x, regions=[then, otherwise]), x - 1)


def test_regions_nest():
    inner = graph(lambda h, x: (h + x, h), "f32[]", "f32[]")

    def outer(h, xs):
        last, _ = ops.scan(h, xs, regions=[inner], num_carry=1, num_xs=1, length=3)
        return last, last

    body = graph(outer, "f32[]", "f32[3]")
    xs = tensor((2, 3))
    last, sums = ops.scan(np.float32(0), xs, regions=[body], num_carry=1, num_xs=1, length=2)
    assert np.array_equal(sums, np.cumsum(xs.sum(1))) and last == xs.sum()


def scan(function, types, *arrays, **attrs):
    defaults = {"num_carry": 1, "num_xs": 1, "length": 4}
    return lambda: ops.scan(*arrays, regions=[graph(function, *types)], **{**defaults, **attrs})


def loop(condition, body, *arrays, num_carry=1):
    types = [str(TensorType(a.shape, a.dtype)) for a in arrays]
    regions = [graph(condition, *types), graph(body, *types)]
    return lambda: ops.OPS["while"](*arrays, regions=regions, num_carry=num_carry)


def branch(then, otherwise, pred, *arrays):
    types = [str(TensorType(a.shape, a.dtype)) for a in arrays]
    return lambda: ops.cond(pred, *arrays, regions=[graph(then, *types), graph(otherwise, *types)])


H, XS, N = tensor((2,)), tensor((4, 2)), np.int64(3)
F2 = "f32[2]"


@pytest.mark.parametrize("call, message", [
    (lambda: ops.fusion(H), "carries 1 graphs, got 0"),
    (lambda: ops.fusion(H, regions=[graph(lambda x: x, "f32[3]")]),
     r"fusion body takes input 0 as f32\[3\], but gets f32\[2\]"),
    (scan(lambda h, x: (ops.concat(h, x, axis=0), x), [F2, F2], H, XS),
     r"scan body returns carry 0 as f32\[4\], but it enters as f32\[2\]"),
    (scan(lambda h, x: (h, x), [F2, F2], H, XS[1:]),
     r"scanned input 0 is f32\[3,2\], expected 4 slices along its first axis"),
    (scan(lambda h, x: (h, x), [F2, F2], H, np.float32(1)), r"scanned input 0 is f32\[\]"),
    (scan(lambda h: h, [F2], H, XS), "scan body takes 1 inputs, but gets 2"),
    (scan(lambda h, x: x, [F2, F2], H, XS, num_carry=2, num_xs=0),
     "scan body takes input 1|returns 1 results, but 2 carries"),
    (scan(lambda h, x: x, [F2, F2], H, H, num_carry=2, num_xs=0),
     "scan body returns 1 results, but 2 carries enter it"),
    (scan(lambda h, x: (h, x), [F2, F2], H, XS, num_xs=2),
     "1 carries and 2 scanned inputs need as many of the 2 inputs"),
    (loop(lambda i: i, lambda i: i, N), r"while condition returns i64\[\], expected bool\[\]"),
    (loop(lambda x: x < x, lambda x: x, H), r"while condition returns bool\[2\], expected bool\[\]"),
    (loop(lambda i: i < i, lambda i: i < i, N), r"while body returns carry 0 as bool\[\], but it enters as i64\[\]"),
    (loop(lambda i: i < i, lambda i: (i, i), N), "while body returns 2 results, expected the 1 carries"),
    (loop(lambda i: i < i, lambda i: i, N, num_carry=2), "2 carries need as many of the 1 inputs"),
    (branch(lambda x: x, lambda x: x, np.float32(1), H), r"the predicate is f32\[\], expected bool\[\]"),
    (branch(lambda x: x, lambda x: (x, x), np.bool_(1), H),
     r"then and otherwise return different types: f32\[2\] and f32\[2\], f32\[2\]"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(GraphError, match=message):
        call()


def test_cond_needs_a_predicate():
    with pytest.raises(InputTypeError, match=r"cond takes \(pred, \*xs\), got 0 tensor inputs"):
        ops.cond(regions=[])
