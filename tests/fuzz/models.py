"""The larger steps of random graphs: contractions, pooling, and loops and branches with graphs of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aicomp.errors import AicompError
from aicomp.ir import Graph, Value
from aicomp.types import BOOL, FLOAT32, INT32, Shape, TensorType, is_float

from .builder import Builder, Rejected
from .moves import FOLDS, LOOKUPS, MOVEMENT, MOVES, POINTWISE


# -- contractions ------------------------------------------------------------------------------------
def matmul(b: Builder) -> None:
    """Multiply matrices, batched, broadcast and transposed in all ways."""
    x = b.pick(lambda v: bool(v.shape) and (v.dtype != BOOL or b.chance(0.3)))
    x = b.apply("transpose", x, perm=_swapped(x)) if len(x.shape) > 1 and b.chance(0.25) else x
    k = x.shape[-1]
    if b.chance(0.15):
        b.apply("matmul", x, b.fresh((k,), x.dtype))
        return
    found = [v for v in b.values if v.dtype == x.dtype and len(v.shape) > 1 and v.shape[-2] == k]
    if found and b.chance(0.4):
        b.apply("matmul", x, b.rng.choice(found))
        return
    n = b.positive_size()
    lead = tuple(1 if b.chance(0.4) else size for size in x.shape[:-2])
    lead = lead[b.rng.randint(0, len(lead)) :] if b.chance(0.6) else lead
    if b.chance(0.5):
        w = b.fresh((*lead, k, n), x.dtype)
    else:
        w = b.fresh((*lead, n, k), x.dtype)
        w = b.apply("transpose", w, perm=_swapped(w))
    result = b.apply("matmul", x, w)
    if is_float(x.dtype) and b.chance(0.6):
        epilogue(b, result, -1)


def epilogue(b: Builder, x: Value, axis: int) -> None:
    """Add a bias and apply an activation, as models do."""
    shape = tuple(n if i == axis % len(x.shape) else 1 for i, n in enumerate(x.shape)) if x.shape else ()
    if b.chance(0.7):
        x = b.apply("add", x, b.fresh(shape[axis:] if axis == -1 else shape, x.dtype))
    if b.chance(0.7):
        x = b.apply(b.rng.choice(["relu", "gelu", "tanh", "silu", "hard_swish"]), x)
    if b.chance(0.3):
        b.apply("add", x, b.partner(x))


def _swapped(x: Value) -> list[int]:
    rank = len(x.shape)
    return [*range(rank - 2), rank - 1, rank - 2]


def linear(b: Builder) -> None:
    """Apply a layer of a perceptron, or an einsum."""
    x = b.floats(1)
    if b.chance(0.3) and len(x.shape) == 3:
        b.apply("einsum", x, b.fresh((x.shape[1], x.shape[2], b.positive_size()), x.dtype), equation="abc,bcd->adb")
        return
    n = b.positive_size()
    result = b.apply("linear", x, b.fresh((n, x.shape[-1]), x.dtype), b.fresh((n,), x.dtype))
    if b.chance(0.5):
        b.apply(b.rng.choice(["relu", "tanh", "softmax", "silu"]), result)


def image(b: Builder, rank: int) -> Value:
    """Return a batch of images: [N, C, *S]."""
    found = [v for v in b.values if is_float(v.dtype) and len(v.shape) == rank + 2 and 0 not in v.shape]
    if found and b.chance(0.7):
        return b.rng.choice(found)
    x = b.pick(lambda v: is_float(v.dtype) and len(v.shape) > 0 and 0 < v.type.size < 600)
    shape = (b.rng.randint(1, 2), b.rng.choice([1, 2, 3, 4, 6]), *(b.rng.randint(3, 9) for _ in range(rank)))
    return b.fresh(shape, x.dtype)


def finite(b: Builder, *values: Value) -> None:
    """Reject values that hold NaN or infinities."""
    if not all(np.isfinite(b.arrays[value].astype(np.float64)).all() for value in values):
        raise Rejected("not finite")


def conv(b: Builder) -> None:
    """Convolve, strided, dilated, grouped and padded, channels first or last."""
    rank = b.rng.choices([1, 2, 3], [2, 6, 1])[0]
    x = image(b, rank)
    channels = x.shape[1]
    groups = b.rng.choice([g for g in (1, 1, 1, 2, 3, channels) if channels % g == 0])
    filters = groups * b.rng.choice([1, 2, 3, 5, 16])
    kernel = tuple(b.rng.choice([1, 2, 3, 3]) for _ in range(rank))
    attrs = {
        "strides": [b.rng.choice([1, 1, 2, 3]) for _ in range(rank)],
        "dilation": [b.rng.choice([1, 1, 1, 2]) for _ in range(rank)],
        "padding": b.rng.choice(["same", "valid", [(b.rng.randint(0, 2), b.rng.randint(0, 2)) for _ in range(rank)]]),
        "groups": groups,
    }
    last = b.chance(0.3)
    if last:
        x = b.apply("transpose", x, perm=[0, *range(2, rank + 2), 1])
        w = b.fresh((*kernel, channels // groups, filters), x.dtype)
    else:
        w = b.fresh((filters, channels // groups, *kernel), x.dtype)
    finite(b, w)  # whether the zeros of the padding are multiplied with infinite weights is left open
    result = b.apply("conv", x, w, channels_last=last, **attrs)
    kind = b.rng.random()
    if kind < 0.3 and not last:
        names = [b.fresh((filters,), x.dtype) for _ in range(3)]
        variance = b.apply("add", b.apply("abs", b.fresh((filters,), x.dtype)), b.number(0.5, x.dtype))
        result = b.apply("batch_norm", result, *names, variance)
    if kind < 0.8:
        epilogue(b, result, -1 if last else 1)


def conv_transpose(b: Builder) -> None:
    """Convolve backwards."""
    x = image(b, 2)
    channels = x.shape[1]
    groups = b.rng.choice([g for g in (1, 1, 2) if channels % g == 0])
    w = b.fresh((channels, b.rng.choice([1, 2, 3]), b.rng.randint(1, 3), b.rng.randint(1, 3)), x.dtype)
    finite(b, x, w)
    b.apply(
        "conv_transpose", x, w, strides=b.rng.choice([1, 2, (1, 2)]), padding=b.rng.choice([0, 0, 1]), groups=groups
    )


def pool(b: Builder) -> None:
    """Pool windows, or all of an image."""
    rank = b.rng.choice([1, 2, 2, 2])
    x = image(b, rank)
    kind = b.rng.choice(["max_pool", "max_pool", "avg_pool", "global_avg_pool", "global_max_pool", "adaptive_avg_pool"])
    if kind.startswith("global"):
        b.apply(kind, x)
    elif kind.startswith("adaptive"):
        b.apply(kind, x, output_size=[b.rng.randint(1, n) for n in x.shape[2:]])
    else:
        attrs = {"strides": b.rng.randint(1, 2), "ceil_mode": b.chance(0.3), "padding": b.rng.choice([0, 1])}
        b.apply(kind, x, window=b.rng.randint(2, 3), **attrs)


def reduce_window(b: Builder) -> None:
    """Fold windows over all axes."""
    x = b.pick(lambda v: len(v.shape) > 0 and 0 < v.type.size < 2000 and v.dtype != BOOL)
    attrs = {
        "window": [b.rng.randint(1, min(n, 3)) for n in x.shape],
        "strides": [b.rng.choice([1, 1, 2]) for _ in x.shape],
        "dilation": [b.rng.choice([1, 1, 1, 2]) for _ in x.shape],
        "padding": [(b.rng.randint(0, 1), b.rng.randint(0, 1)) for _ in x.shape],
    }
    b.apply("reduce_window", x, kind=b.rng.choice(["max", "sum"]), **attrs)


def attention(b: Builder) -> None:
    """Attend, with several heads and a causal mask or none."""
    x = b.pick(lambda v: is_float(v.dtype) and len(v.shape) in (2, 3, 4) and 0 < v.type.size < 1000)
    keys = b.rng.choice([x.shape[-2], 3])
    k, v = (b.fresh((*x.shape[:-2], keys, x.shape[-1]), x.dtype) for _ in range(2))
    b.apply("attention", x, k, v, causal=b.chance(0.4))


def recurrent(b: Builder) -> None:
    """Run a recurrent layer."""
    if b.careful:
        raise Rejected("deep enough")
    t, n, i, h = b.rng.randint(0, 3), b.rng.randint(1, 2), b.rng.randint(1, 3), b.rng.choice([1, 2, 5])
    kind, gates = b.rng.choice([("lstm", 4), ("gru", 3), ("rnn", 1)])
    weights = [b.fresh(shape, FLOAT32) for shape in ((gates * h, i), (gates * h, h), (gates * h,))]
    x = b.apply("tanh", b.fresh((t, n, i), FLOAT32))
    b.apply(kind, x, *weights, reverse=b.chance(0.3))


# -- graphs in graphs --------------------------------------------------------------------------------
def child(b: Builder, operands: Sequence[TensorType], arrays: Sequence[object], careful: bool) -> Builder:
    """Return a builder of a region, whose inputs are of those types."""
    if b.depth > 1:
        raise Rejected("deep enough")
    inner = Builder(b.rng, careful or b.careful, b.depth + 1)
    inner.approximate = b.approximate
    for type_, array in zip(operands, arrays, strict=True):
        inner.input(type_.shape, type_.dtype, array)  # type: ignore[arg-type]
    return inner


def operands_of_region(b: Builder, most: int = 3) -> list[Value]:
    """Return some different values that a region reads."""
    found = [v for v in b.values if v.type.size < 500]
    if not found:
        raise Rejected("nothing at hand")
    return list(dict.fromkeys(b.rng.choice(found) for _ in range(b.rng.randint(1, most))))


def like(b: Builder, type_: TensorType) -> Value:
    """Return a value of a type, made of what is at hand, that stays small from turn to turn."""
    is_number = is_float(type_.dtype)
    x = b.pick(lambda v: is_float(v.dtype) or not is_number)
    if not is_float(type_.dtype) and is_float(x.dtype) and not b.exact(x):
        x = b.pick(lambda v: not is_float(v.dtype))
    x = b.apply("cast", x, dtype=type_.dtype)
    if not _fits(x.shape, type_.shape):
        name = "any" if type_.dtype == BOOL else "sum"
        x = b.apply(name, x, axes=None)
    x = b.apply("broadcast_to", x, shape=type_.shape)
    return b.apply("tanh", x) if is_number else x


def _fits(shape: Shape, wanted: Shape) -> bool:
    return len(shape) <= len(wanted) and all(n in (1, m) for n, m in zip(shape[::-1], wanted[::-1], strict=False))


def grow(b: Builder, steps: int) -> None:
    """Take a few steps."""
    for _ in range(steps):
        step(b, SMALL if b.depth else EVERYTHING)


def scan(b: Builder) -> None:
    """Loop along an axis, carrying values and stacking others."""
    carries, rest = operands_of_region(b, 2), operands_of_region(b, 2)
    length = b.rng.choice([0, 1, 2, 3, 5])
    xs = [b.fresh((length, *b.shape(0, 2)), b.dtype()) for _ in range(b.rng.randint(0, 2))]
    types = [*(v.type for v in carries), *(TensorType(v.shape[1:], v.dtype) for v in xs), *(v.type for v in rest)]
    first = [b.arrays[x][0] if length else b.random_array(x.shape[1:], x.dtype) for x in xs]
    inner = child(b, types, [*(b.arrays[v] for v in carries), *first, *(b.arrays[v] for v in rest)], careful=True)
    grow(inner, b.rng.randint(1, 4))
    outputs = [like(inner, v.type) for v in carries]
    outputs += [inner.pick() for _ in range(b.rng.randint(0, 2))]
    body = Graph.build("body", inner.inputs, outputs)
    attrs = {"num_carry": len(carries), "num_xs": len(xs), "length": length, "reverse": b.chance(0.3)}
    b.apply("scan", *carries, *xs, *rest, regions=[body], **attrs)


def while_(b: Builder) -> None:
    """Loop as long as a counter is below a limit."""
    carries, rest = operands_of_region(b, 2), operands_of_region(b, 1)
    counter, limit = b.number(0, INT32), b.input((), INT32) if not b.depth else b.number(2, INT32)
    every = [counter, limit, *carries, *rest]
    inner = child(b, [v.type for v in every], [b.arrays[v] for v in every], careful=True)
    grow(inner, b.rng.randint(1, 3))
    more = inner.apply("add", inner.inputs[0], inner.number(1, INT32))
    outputs = [more, inner.inputs[1], *(like(inner, v.type) for v in carries)]
    head = child(b, [v.type for v in every], [b.arrays[v] for v in every], careful=True)
    test = Graph.build("condition", head.inputs, [head.apply("less", head.inputs[0], head.inputs[1])])
    body = Graph.build("body", inner.inputs, outputs)
    b.apply("while", *every, regions=[test, body], num_carry=2 + len(carries))


def cond(b: Builder) -> None:
    """Take one of two ways."""
    every = operands_of_region(b)
    flags = [v for v in b.values if v.type == TensorType((), BOOL)]
    flag = b.rng.choice(flags) if flags and b.chance(0.7) else b.fresh((), BOOL)
    sides = [child(b, [v.type for v in every], [b.arrays[v] for v in every], b.careful) for _ in range(2)]
    for side in sides:
        grow(side, b.rng.randint(0, 3))
    outputs = [sides[0].pick() for _ in range(b.rng.randint(1, 2))]
    others = [like(sides[1], v.type) for v in outputs]
    regions = [
        Graph.build(n, s.inputs, o) for n, s, o in zip(("then", "otherwise"), sides, (outputs, others), strict=True)
    ]
    b.apply("cond", flag, *every, regions=regions)


def step(b: Builder, moves: Sequence[tuple[int, object]]) -> None:
    """Take one step that fits; a few tries."""
    weights, functions = zip(*moves, strict=True)
    for _ in range(4):
        count = len(b.values)
        try:
            b.rng.choices(functions, weights)[0](b)  # type: ignore[operator]
            return
        except Rejected:
            del b.values[count:]
        except AicompError as error:
            raise AssertionError(f"a step made an ill-formed region: {error}") from error


CONTRACTIONS = ((6, matmul), (3, linear), (5, conv), (1, conv_transpose), (3, pool), (2, reduce_window), (2, attention))
REGIONS = ((2, scan), (1, while_), (2, cond), (1, recurrent))
EVERYTHING = (*MOVES, *CONTRACTIONS, *REGIONS)
SMALL = (*POINTWISE, *MOVEMENT, *FOLDS, *LOOKUPS, (3, matmul), (1, scan), (1, cond))
