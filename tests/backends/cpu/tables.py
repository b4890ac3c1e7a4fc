"""Cases of every operator, by family: shapes, dtypes, special values, attributes.

list(composites("float16"))       # [case("squeeze", ...), ...]
"""

from itertools import product

import numpy as np
from agree import case
from arrays import FLOATS, INTEGERS, dtype, floats, integers, pairs, tensor

from aicomp import ops
from aicomp.ir import Kind

NAMES = ["bool", *INTEGERS, *FLOATS]
INF, NAN = float("inf"), float("nan")


def normal(*shape, seed=0, name="float32"):
    """Return standard normal numbers."""
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype(name))


def positions(*values, name="int64"):
    """Return an array of indices."""
    return np.array(values, name)


# -- elementwise -------------------------------------------------------------------------------------
ELEMENTWISE = [name for name, op in ops.OPS.items() if op.kind is Kind.ELEMENTWISE]


def elementwise(name, of):
    """Return cases of an elementwise operator on all kinds of numbers of one dtype."""
    op = ops.OPS[name]
    values = tensor((200,), of) if of == "bool" else floats(of) if of in FLOATS else integers(of)
    count = len([param for param in op.params if param != "condition"])
    arrays = {1: [values], 2: pairs(values)}.get(count)
    arrays = arrays or [np.random.default_rng(seed).permutation(values) for seed in range(count)]
    if "condition" in op.params:
        arrays = [np.arange(arrays[0].size) % 3 == 0, *arrays]
    targets = [{"dtype": target} for target in NAMES] if "dtype" in op.attrs else [{}]
    return [case(name, *arrays, **attrs) for attrs in targets]


SHAPES = [((), ()), ((5,), ()), ((0,), (1,)), ((3, 1), (1, 4)), ((3, 0, 2), (3, 1, 2)), ((2, 3, 37), (3, 1)),
          ((2, 1, 3, 4), (4,)), ((2, 1, 3, 1, 2), (1, 4, 1, 5, 1)), ((40, 3), (40, 1)), ((1, 1, 1), (1,)),
          ((2, 3, 1, 2, 3), (2, 3, 1, 2, 3))]  # fmt: skip


# -- reductions --------------------------------------------------------------------------------------
FOLDED = [((), ()), ((1,), 0), ((7,), 0), ((70,), None), ((0, 3), 1), ((0, 3), 0), ((3, 0, 2), 1), ((2, 37), 1),
          ((37, 2), 0), ((2, 3, 4), (0, 2)), ((2, 3, 4), 1), ((3, 1, 5), 1), ((2, 3, 4, 5), (1, 2)),
          ((2, 3, 1, 2, 3), (0, 2, 4)), ((3, 40, 3), 1), ((2, 3), ()), ((2, 0, 0), 2)]  # fmt: skip
REDUCTIONS = ("sum", "prod", "max", "min", "any", "all")


def reductions(of, shapes):
    """Return all reductions of small whole numbers over axes; products of ones and a few others."""
    for shape, axes in shapes:
        x = tensor(shape, of)
        some = np.where(tensor(shape, of, 1) > 0, np.ones_like(x), x) if of != "bool" else x
        for name, keepdims in product(REDUCTIONS, (False, True)):
            yield case(name, some if name == "prod" else x, axes=axes, keepdims=keepdims)
        if isinstance(axes, int):
            yield from (case(name, x, axis=axes, keepdims=True) for name in ("argmax", "argmin"))


# -- movement ----------------------------------------------------------------------------------------
RESHAPED = [((), (1,)), ((1,), ()), ((6,), (2, 3)), ((2, 3, 4), (4, 6)), ((0, 3), (3, 0, 5)), ((2, 3, 2, 2, 2), (6, 8))]
PERMUTED = [((), ()), ((3,), (0,)), ((17, 19), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((2, 3, 4, 5), (0, 2, 1, 3)),
            ((2, 0, 3), (2, 1, 0)), ((2, 3, 1, 2, 3), (4, 2, 0, 3, 1))]  # fmt: skip
BROADCAST = [
    ((), (3,)),
    ((3, 1), (3, 4)),
    ((4,), (2, 3, 4)),
    ((0,), (3, 0)),
    ((1,), (0,)),
    ((2, 1, 3, 1), (2, 4, 2, 3, 5)),
]
SLICED = [  # shape, starts, sizes, steps
    ((5,), (1,), (3,), 1), ((5,), (4,), (5,), -1), ((5,), (4,), (2,), -2), ((10,), (0,), (5,), 2), ((4, 5), 0, (4, 5), 1),
    ((4, 5), (1, 0), (2, 5), 1), ((4, 5), (0, 4), (4, 3), (1, -2)), ((4, 5), (2, 3), (0, 1), 1), ((40,), 1, 35, 1),
    ((3, 4, 5), (2, 0, 1), (3, 2, 2), (-1, 2, 2)), ((40,), 39, 40, -1), ((), (), (), ()), ((3, 40), (0, 3), (3, 33), 1),
]  # fmt: skip
PADDED = [  # shape, low, high, interior
    ((3,), 1, 2, 0), ((3,), 0, 0, 2), ((3,), -1, -1, 0), ((3,), -1, 2, 1), ((4, 5), (1, -1), (-2, 3), 0),
    ((4, 5), (1, 2), (3, 4), (1, 2)), ((0,), 2, 3, 0), ((0, 2), (1, 0), (1, 0), (3, 0)), ((3,), -3, 1, 0),
    ((3,), -1, -3, 1), ((2, 3, 1, 2), (0, 1, 1, 0), (1, 0, 0, 1), 0), ((40,), 1, 2, 0), ((), (), (), ()),
]  # fmt: skip
JOINED = [([(3,)], 0), ([(2, 3), (2, 1), (2, 4)], 1), ([(2, 3), (1, 3)], 0), ([(0, 3), (2, 3)], 0),
          ([(2, 0), (2, 3), (2, 0)], 1), ([(2, 2, 2), (2, 3, 2), (2, 1, 2)], 1), ([(33,), (1,), (20,)], 0)]  # fmt: skip


def movements(of):
    """Return cases of the operators that move elements to places known beforehand."""
    padding = {"bool": [0, 1], "u": [0, 3], "i": [0, -3]}.get(of if of == "bool" else of[0], [0, -3, INF, NAN, -0.0])
    yield from (case("reshape", tensor(a, of), shape=b) for a, b in RESHAPED)
    yield from (case("transpose", tensor(a, of), perm=perm) for a, perm in PERMUTED)
    yield from (case("broadcast_to", tensor(a, of), shape=b) for a, b in BROADCAST)
    for shape, starts, sizes, steps in SLICED:
        yield case("slice", tensor(shape, of), starts=starts, sizes=sizes, steps=steps)
    for (shape, low, high, interior), value in product(PADDED, padding[:2] + padding[-2:]):
        yield case("pad", tensor(shape, of), low=low, high=high, interior=interior, value=value)
    for shapes, axis in JOINED:
        yield case("concat", *(tensor(shape, of, seed) for seed, shape in enumerate(shapes)), axis=axis)
    x = tensor((3, 4), of)
    yield from (case("concat", *[x] * count, axis=axis) for count in (1, 2, 3) for axis in (0, 1))


def lookups(of, index):
    """Return cases of the operators that read at computed positions, of which signed ones may count from the end."""
    some = positions(*([0, 1, 1, 2] if index[0] == "u" else [0, -1, 1, -3]), name=index)
    x, y, cube = tensor((3, 4), of), tensor((4, 3), of), tensor((3, 3, 2), of)
    yield case("gather", x, some, axis=0)
    yield case("gather", y, some.reshape(2, 2), axis=1)
    yield case("gather", tensor((3,), of), some[1], axis=0)
    yield case("gather", tensor((2, 3, 4), of), some[:0], axis=1)
    yield case("gather", tensor((3, 0), of), some, axis=0)
    yield case("gather", tensor((0, 3), of), some[:0], axis=0)
    yield case("gather", tensor((3, 40), of), some, axis=0)
    yield case("gather", tensor((40, 3), of), some, axis=1)
    yield case("gather_elements", x, np.resize(some, (3, 4)), axis=0)
    yield case("gather_elements", y, np.resize(some, (2, 5)), axis=1)
    yield case("gather_elements", y, np.resize(some, (0, 5)), axis=1)
    yield case("gather_nd", cube, np.resize(some, (4, 2)))
    yield case("gather_nd", tensor((3, 3, 3), of), np.resize(some, (2, 2, 3)))
    yield case("gather_nd", x, np.zeros((2, 0), index))
    yield case("gather_nd", cube, np.resize(some, (3, 2, 1)), batch_dims=1)
    yield case("gather_nd", x, some[:1])


# -- operators with a loop of their own --------------------------------------------------------------
ALONG = [((5,), 0), ((0,), 0), ((3, 40), 0), ((3, 40), 1), ((2, 3, 4), 1), ((1,), 0), ((2, 0, 3), 1), ((2, 0, 3), 2)]


def scatters(of, index, reduction):
    """Return cases of scatters, some to one place several times."""
    some = positions(*([0, 1, 1, 2] if index[0] == "u" else [0, -1, 1, -3]), name=index)
    x = tensor((3, 4), of)
    for shape, axis in [((3, 4), 0), ((2, 3), 1), ((0, 4), 0)]:
        yield case("scatter_elements", x, np.resize(some, shape), tensor(shape, of, 3), axis=axis, reduction=reduction)
    line = tensor((30,), of), np.resize(some, (40,)), tensor((40,), of, 3)
    yield case("scatter_elements", *line, axis=0, reduction=reduction)
    for where, shape in [((5, 1), (5, 4)), ((5, 2), (5,)), ((0, 2), (0,)), ((2, 0), (2, 3, 4))]:
        yield case("scatter_nd", x, np.resize(some, where), tensor(shape, of, 3), reduction=reduction)
    yield case("scatter_nd", tensor((3, 0), of), np.resize(some, (5, 1)), tensor((5, 0), of), reduction=reduction)


# -- contractions and windows ------------------------------------------------------------------------
PRODUCTS = [
    ((1, 1), (1, 1)), ((2, 3), (3, 4)), ((5,), (5,)), ((3, 4), (4,)), ((4,), (4, 3)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3)),
    ((17, 33), (33, 19)), ((1, 40), (40, 7)), ((7, 40), (40, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3), (3, 0)),
    ((2, 1, 3, 4), (3, 4, 2)), ((3, 2, 4), (4, 5)), ((2, 4), (3, 4, 5)), ((1, 2, 3), (4, 3, 2)), ((0, 2, 3), (0, 3, 2)),
    ((1, 1, 2, 1, 3), (2, 1, 2, 3, 1)), ((65, 70), (70, 66)), ((3, 1), (1, 5)), ((1, 200), (200, 1)),
]  # fmt: skip
CONVOLVED = [
    ((1, 1, 5), (1, 1, 3), {}), ((2, 3, 7), (4, 3, 3), {"padding": 1}),
    ((2, 4, 8), (6, 2, 3), {"groups": 2, "strides": 2}), ((1, 4, 9), (4, 1, 3), {"groups": 4, "dilation": 2}),
    ((1, 3, 6, 7), (5, 3, 3, 3), {"padding": "same"}),
    ((2, 3, 6, 7), (5, 3, 3, 2), {"strides": (2, 1), "padding": ((1, 0), (0, 2))}),
    ((1, 4, 5, 5), (8, 1, 3, 3), {"groups": 4, "padding": 1}), ((2, 6, 5, 5), (4, 3, 1, 1), {"groups": 2}),
    ((1, 2, 9, 9), (3, 2, 3, 3), {"dilation": (2, 3)}), ((0, 3, 4, 4), (2, 3, 2, 2), {}), ((1, 0, 4, 4), (2, 0, 2, 2), {}),
    ((2, 2, 4, 4, 4), (3, 2, 2, 3, 1), {"strides": (1, 2, 1), "padding": 1}), ((1, 3, 4, 4), (0, 3, 2, 2), {}),
    ((1, 16, 10, 10), (32, 16, 3, 3), {"padding": 1}), ((1, 3, 2, 2), (2, 3, 5, 5), {"padding": 2}),
    ((1, 1, 3, 3), (1, 1, 2, 2), {"strides": 3, "padding": ((0, 5), (1, 4))}), ((1, 8, 12), (8, 8, 1), {"strides": 3}),
]  # fmt: skip
WINDOWS = [
    ((5,), {"window": 2}), ((6, 7), {"window": (2, 3), "strides": (2, 1)}), ((0, 4), {"window": (1, 2)}), ((), {"window": ()}),
    ((1, 2, 5, 6), {"window": (1, 1, 3, 3), "strides": (1, 1, 2, 2), "padding": ((0, 0), (0, 0), (1, 1), (1, 0))}),
    ((1, 2, 9), {"window": (1, 1, 3), "dilation": (1, 1, 2)}), ((2, 5, 5, 3), {"window": (1, 2, 2, 1), "strides": (1, 2, 2, 1)}),
    ((2, 40, 5), {"window": (1, 3, 1), "padding": ((0, 0), (1, 1), (0, 0))}), ((3, 40), {"window": (2, 2), "padding": 1}),
]  # fmt: skip


def last(shape, kernel):
    """Return the shapes of images and weights with channels last."""
    return (shape[0], *shape[2:], shape[1]), (*kernel[2:], kernel[1], kernel[0])


def contractions(of, every):
    """Return cases of products, convolutions and windows; a few, or every one."""
    step = 1 if every else 4
    yield from (case("matmul", tensor(a, of), tensor(b, of, 1)) for a, b in PRODUCTS[1::step])
    for a, b, attrs in CONVOLVED[1::step]:
        yield case("conv", tensor(a, of), tensor(b, of, 1), **attrs)
        yield case("conv", *(tensor(shape, of) for shape in last(a, b)), channels_last=True, **attrs)
    yield case("conv", tensor((2, 3, 7), of), tensor((4, 3, 3), of), tensor((4,), of, 2), padding=1)
    yield from (
        case("reduce_window", tensor(a, of), kind=kind, **w) for a, w in WINDOWS[::step] for kind in ("max", "sum")
    )


# -- composites --------------------------------------------------------------------------------------
def composites(of):
    """Return cases of every composite operator on normal numbers."""
    x, y, image = normal(3, 5, name=of), normal(5, 4, name=of), normal(2, 4, 6, 7, name=of)
    vector, channel, cube = normal(5, name=of), normal(4, name=of), normal(2, 3, 5, name=of)
    ids = positions(0, 2, 1)
    yield from (
        case(name, cube) for name in ("squeeze", "flip", "cumsum", "mean", "var", "std", "logsumexp", "layer_norm")
    )
    yield case("squeeze", normal(1, 3, 1, name=of))
    yield case("expand_dims", x, axes=(0, 2))
    yield case("swapaxes", cube, axis1=0, axis2=-1)
    yield case("moveaxis", cube, source=0, destination=-1)
    yield case("tile", x, repeats=(2, 1, 2))
    yield case("stack", x, x, axis=1)
    yield case("split", cube, sections=(1, 3, 1), axis=2)
    yield case("unstack", cube, axis=1)
    yield case("repeat", x, repeats=2, axis=1)
    yield case("roll", x, shift=(1, -2), axis=(0, 1))
    yield from (case(name, cube, k=k) for name in ("tril", "triu") for k in (-1, 0, 2))
    yield case("one_hot", ids, depth=4, dtype=of)
    yield case("take", x, ids)
    yield case("take_along_axis", x, ids[None], axis=1)
    yield from (
        case("pad_mode", x, pads=((1, 2), (2, 1)), mode=mode) for mode in ("reflect", "symmetric", "edge", "wrap")
    )
    for name, attrs in product(("mean", "var", "std", "logsumexp"), ({"axes": 1}, {"axes": (0, 2), "keepdims": True})):
        yield case(name, cube, **attrs)
    yield from (case(name, cube, axis=axis) for name in ("softmax", "log_softmax") for axis in (0, 1, -1))
    yield from (case(name, cube, axis=1, reverse=True) for name in ("cumsum", "cumprod"))
    yield case("linear", x, y.T, channel)
    yield case("dot", x, y)
    yield case("inner", x, x)
    yield case("vecdot", x, x)
    yield case("outer", vector, channel)
    yield case("tensordot", cube, normal(3, 5, 2, name=of), axes=2)
    yield case("diagonal", cube, axis1=1, axis2=2, offset=1)
    yield case("trace", x)
    yield case("einsum", cube, normal(5, 3, 4, name=of), equation="abc,cbd->ad")
    yield case("einsum", x, y, equation="ij,jk->ki")
    yield case("sort", cube, axis=1, descending=True)
    yield case("top_k", cube, k=2)
    yield case("layer_norm", cube, vector, vector)
    yield case("rms_norm", cube, vector)
    yield case("batch_norm", image, channel, channel, channel, np.abs(channel) + 1)
    yield case("group_norm", image, channel, channel, groups=2)
    yield case("instance_norm", image, channel, channel)
    yield case("max_pool", image, window=3, strides=2, padding=1, ceil_mode=True)
    yield case("avg_pool", image, window=(2, 3), strides=2, padding=1, count_include_pad=False)
    yield from (case(name, image) for name in ("global_avg_pool", "global_max_pool"))
    yield from (case(name, image, output_size=(2, 3)) for name in ("adaptive_avg_pool", "adaptive_max_pool"))
    yield case("conv_transpose", image, normal(4, 2, 3, 2, name=of), channel[:2], strides=(2, 1), padding=1)
    yield case("conv_transpose", image, normal(4, 1, 3, 3, name=of), strides=2, groups=2, output_padding=1)
    yield case("embedding", ids, x)
    q, k = normal(2, 4, 3, 5, name=of), normal(2, 2, 6, 5, name=of)
    yield case("attention", q, k, k)
    yield case("attention", q, k, k, np.ones((3, 6), bool), causal=True)
    angles = normal(3, 2)
    yield case("rotary_embedding", normal(2, 3, 4, name=of), *(f(angles).astype(q.dtype) for f in (np.cos, np.sin)))
    for name, gates in (("lstm", 4), ("gru", 3), ("rnn", 1)):
        weights = [normal(*shape, name=of) for shape in ((gates * 6, 4), (gates * 6, 6), (gates * 6,), (gates * 6,))]
        yield case(name, normal(5, 3, 4, name=of), *weights)
        yield case(name, normal(5, 3, 4, name=of), *weights[:2], reverse=True, batch_first=True)
