"""The steps that random graphs are made of: elementwise work, movement, reductions, lookups, sorts.

In: a builder. Each step picks operands at hand, or makes them, and applies one operator or a few. Raises Rejected where
it does not fit.
"""

from __future__ import annotations

from aicomp.ir import Value
from aicomp.types import BOOL, FLOAT32, INT32, INT64, Shape, is_float, is_integer, is_signed

from .builder import Builder, Rejected

CONTINUOUS = (
    "tanh sigmoid relu silu gelu softplus elu erf sin cos leaky_relu negative abs square softsign hard_swish mish selu "
    "celu log_sigmoid relu6 hard_sigmoid hard_tanh atan asinh positive"
).split()
ABOVE_ZERO = "log log2 log10 log1p sqrt rsqrt reciprocal".split()
BOUNDED = "exp exp2 expm1 sinh cosh tan".split()
JUMPING = "sign floor ceil trunc round".split()
BINARY = "add add subtract multiply multiply maximum minimum".split()
COMPARISONS = "equal not_equal less less_equal greater greater_equal".split()
ON_INTEGERS = (
    "add subtract multiply maximum minimum floor_divide remainder fmod bitwise_and bitwise_or bitwise_xor "
    "bitwise_left_shift bitwise_right_shift"
).split()
LOGICAL = "logical_and logical_or logical_xor equal not_equal".split()


# -- elementwise -------------------------------------------------------------------------------------
def unary(b: Builder) -> None:
    """Apply a function of one float, within its domain."""
    x = b.floats()
    kind = b.rng.random()
    if kind < 0.6:
        b.apply(b.rng.choice(CONTINUOUS), x)
    elif kind < 0.75:
        b.apply(b.rng.choice(ABOVE_ZERO), b.apply("add", b.apply("abs", x), b.number(0.5, x.dtype)))
    elif kind < 0.85:
        b.apply(b.rng.choice(BOUNDED), b.apply("tanh", x))
    elif b.exact(x):
        b.apply(b.rng.choice(JUMPING), x)
    else:
        b.apply("gelu", x, approximate="tanh")


def binary(b: Builder) -> None:
    """Combine two floats."""
    x = b.floats()
    y = b.partner(x)
    x, y = (y, x) if b.chance(0.3) else (x, y)
    kind = b.rng.random()
    if kind < 0.75:
        b.apply(b.rng.choice(BINARY), x, y)
    elif kind < 0.85:
        b.apply("divide", x, b.apply("add", b.apply("abs", y), b.number(1, x.dtype)))
    elif kind < 0.9:
        base = b.apply("add", b.apply("abs", x), b.number(0.5, x.dtype))
        b.apply("pow", base, b.number(b.rng.choice([2, 3, 0.5, -1]), x.dtype))
    elif b.exact(x) and b.exact(y):
        b.apply(
            b.rng.choice(["floor_divide", "remainder", "fmod"]),
            x,
            b.apply("add", b.apply("abs", y), b.number(1, x.dtype)),
        )
    else:
        b.apply(b.rng.choice(["hypot", "logaddexp"]), b.apply("tanh", x), b.apply("tanh", y))


def chain(b: Builder) -> None:
    """Apply several functions in a row, coming back to earlier results."""
    first = x = b.floats()
    for _ in range(b.rng.randint(2, 6)):
        x = b.apply(b.rng.choice(["tanh", "sigmoid", "negative", "abs", "relu"]), x)
        if b.chance(0.5):
            x = b.apply(b.rng.choice(["add", "subtract", "multiply", "maximum"]), x, first)


def integral(b: Builder) -> None:
    """Combine integers, or bools."""
    x = b.pick(lambda v: not is_float(v.dtype))
    y = b.partner(x)
    if x.dtype == BOOL:
        b.apply(b.rng.choice(LOGICAL), x, y)
    elif b.chance(0.2) and is_signed(x.dtype):
        b.apply(b.rng.choice(["negative", "abs", "sign", "square", "bitwise_invert", "relu"]), x)
    else:
        b.apply(b.rng.choice(ON_INTEGERS), x, y)


def compare(b: Builder) -> None:
    """Compare exact values."""
    x = b.pick(b.exact)
    y = b.partner(x)
    if not b.exact(y):
        raise Rejected("approximate")
    b.apply(b.rng.choice(COMPARISONS), x, y)


def select(b: Builder) -> None:
    """Choose between two values, or clip one."""
    x = b.pick()
    y = b.partner(x)
    if b.chance(0.3) and x.dtype != BOOL:
        b.apply("clip", x, b.number(0 if x.dtype.kind == "u" else -1, x.dtype), b.number(2, x.dtype))
        return
    fitting = [v for v in b.values if v.dtype == BOOL and v.shape in (x.shape, (), x.shape[-1:])]
    condition = b.rng.choice(fitting) if fitting else b.fresh(x.shape[b.rng.randint(0, len(x.shape)) :], BOOL)
    b.apply("where", condition, x, y)


def cast(b: Builder) -> None:
    """Convert to another dtype."""
    x = b.pick()
    wanted = b.dtype()
    if not b.exact(x) and not is_float(wanted):
        raise Rejected("approximate")
    b.apply("cast", x, dtype=wanted)


def fan_out(b: Builder) -> None:
    """Use one value in several ways, and join the ways again."""
    x = b.floats()
    ways = [
        b.apply(b.rng.choice(["tanh", "relu", "negative", "square", "sigmoid"]), x) for _ in range(b.rng.randint(2, 3))
    ]
    if x.shape and b.chance(0.3):
        b.apply("concat", *ways, axis=b.axis(x))
    else:
        b.apply("add", *ways[:2])


# -- movement ----------------------------------------------------------------------------------------
def reshape(b: Builder) -> None:
    """Give a value another shape of as many elements."""
    x = b.pick()
    b.apply("reshape", x, shape=_factors(b, x.type.size))


def _factors(b: Builder, size: int) -> Shape:
    shape = []
    while size > 1 and len(shape) < 4 and b.chance(0.8):
        n = b.rng.choice([d for d in range(1, min(size, 48) + 1) if size % d == 0])
        shape.append(n)
        size //= n
    shape.append(size)
    b.rng.shuffle(shape)
    return tuple(shape) if shape != [1] or b.chance(0.7) else ()


def transpose(b: Builder) -> None:
    """Permute axes."""
    x = b.pick(lambda v: len(v.shape) > 1)
    perm = list(range(len(x.shape)))
    b.rng.shuffle(perm)
    b.apply("transpose", x, perm=perm)


def broadcast(b: Builder) -> None:
    """Repeat axes of size 1, and add leading ones."""
    x = b.pick()
    shape = tuple(b.size() if n == 1 and b.chance(0.7) else n for n in x.shape)
    lead = tuple(b.positive_size() for _ in range(b.rng.randint(0, 2))) if len(x.shape) < 4 else ()
    b.apply("broadcast_to", x, shape=(*lead, *shape))


def slice_(b: Builder) -> None:
    """Cut out a part, with steps of either sign."""
    x = b.pick(lambda v: bool(v.shape))
    starts, sizes, steps = [], [], []
    for n in x.shape:
        step = b.rng.choice([1, 1, 1, 1, 2, 3, -1, -2]) if b.chance(0.6) else 1
        start = b.rng.randrange(n) if n and b.chance(0.6) else (0 if step > 0 else max(n - 1, 0))
        most = 0 if not n else (n - 1 - start) // step + 1 if step > 0 else start // -step + 1
        size = most if b.chance(0.6) else b.rng.randint(min(1, most), most)
        starts.append(start), sizes.append(size), steps.append(step)
    b.apply("slice", x, starts=starts, sizes=sizes, steps=steps)


def pad(b: Builder) -> None:
    """Add a border, holes, or cut."""
    x = b.pick(lambda v: bool(v.shape))
    low, high = ([b.rng.choice([0, 0, 0, 1, 2, -1]) for _ in x.shape] for _ in range(2))
    interior = [b.rng.choice([0, 0, 0, 0, 1, 2]) for _ in x.shape]
    b.apply("pad", x, low=low, high=high, interior=interior, value=b.rng.choice([0, 0, 1]))


def concat(b: Builder) -> None:
    """Join values along an axis, one of them perhaps twice, or one alone."""
    x = b.pick(lambda v: bool(v.shape))
    axis = b.axis(x)
    like = [v for v in b.values if v.dtype == x.dtype and _off(v.shape, axis) == _off(x.shape, axis)]
    parts = [x, *(b.rng.choice(like) for _ in range(b.rng.randint(0, 3)))]
    b.rng.shuffle(parts)
    b.apply("concat", *parts, axis=axis)


def _off(shape: Shape, axis: int) -> tuple[object, ...]:
    return (len(shape), *shape[:axis], *shape[axis + 1 :])


def shuffle(b: Builder) -> None:
    """Apply a composite that moves elements."""
    x = b.pick(lambda v: bool(v.shape))
    axis = b.axis(x)
    n = x.shape[axis]
    kind = b.rng.choice("flip tile repeat roll squeeze expand_dims swapaxes stack split tril pad_mode".split())
    attrs = {
        "flip": {"axes": axis},
        "tile": {"repeats": [b.rng.randint(1, 2) for _ in x.shape]},
        "repeat": {"repeats": b.rng.randint(1, 3), "axis": axis},
        "roll": {"shift": b.rng.randint(-3, 3), "axis": axis},
        "squeeze": {},
        "expand_dims": {"axes": axis},
        "swapaxes": {"axis1": axis, "axis2": b.axis(x)},
        "stack": {"axis": axis},
        "split": {"sections": next((k for k in (3, 2) if n % k == 0), 1), "axis": axis},
        "tril": {"k": b.rng.randint(-1, 1)},
        "pad_mode": {
            "pads": [(1, 1) if n > 2 else (0, 0) for n in x.shape],
            "mode": b.rng.choice(["reflect", "edge", "wrap"]),
        },
    }
    if kind == "tril" and len(x.shape) < 2:
        raise Rejected("no matrix")
    b.apply(kind, *([x, x] if kind == "stack" else [x]), **attrs[kind])


# -- reductions --------------------------------------------------------------------------------------
def reduce(b: Builder) -> None:
    """Fold some axes."""
    x = b.pick(lambda v: bool(v.shape))
    axes = [axis for axis in range(len(x.shape)) if b.chance(0.5)] or [b.axis(x)]
    attrs = {"axes": axes, "keepdims": b.chance(0.5)}
    if x.dtype == BOOL:
        b.apply(b.rng.choice(["any", "all"]), x, **attrs)
    elif is_float(x.dtype) and b.chance(0.3):
        b.apply(b.rng.choice(["mean", "var", "logsumexp"]), x, **attrs)
    elif b.chance(0.2) and b.exact(x):
        b.apply(b.rng.choice(["argmax", "argmin"]), x, axis=axes[0], keepdims=attrs["keepdims"])
    else:
        b.apply(b.rng.choice(["sum", "sum", "max", "min", "prod"]), x, **attrs)


def normalise(b: Builder) -> None:
    """Reduce, and combine the result with what was reduced: softmax, layer norm and their like."""
    x = b.floats(1)
    axis = b.axis(x)
    kind = b.rng.random()
    if kind < 0.35:
        b.apply(b.rng.choice(["softmax", "log_softmax"]), x, axis=axis)
    elif kind < 0.55:
        scale, bias = (b.fresh(x.shape[-1:], x.dtype) for _ in range(2))
        b.apply("layer_norm", x, scale, bias, epsilon=0.1)
    elif kind < 0.7:
        b.apply("rms_norm", x, b.fresh(x.shape[-1:], x.dtype), epsilon=0.1)
    else:
        total = b.apply(b.rng.choice(["max", "sum", "mean", "min"]), x, axes=axis, keepdims=True)
        centred = b.apply("subtract", x, total)
        b.apply("sum", b.apply("multiply", centred, b.partner(centred)), axes=axis, keepdims=b.chance(0.5))


def running(b: Builder) -> None:
    """Fold along an axis, keeping what is on the way."""
    x = b.pick(lambda v: bool(v.shape) and v.dtype != BOOL)
    kind = b.rng.choice(["sum", "sum", "max", "min", "prod"])
    b.apply(
        "cumulative", x, kind=kind, axis=b.axis(x), exclusive=b.chance(0.3) and kind == "sum", reverse=b.chance(0.3)
    )


# -- lookups and sorts -------------------------------------------------------------------------------
def gather(b: Builder) -> None:
    """Read at computed positions."""
    x = b.pick(lambda v: bool(v.shape))
    axis = b.axis(x)
    n = x.shape[axis]
    kind = b.rng.random()
    if kind < 0.5:
        shape = tuple(b.size() for _ in range(b.rng.randint(0, 2)))
        b.apply("gather", x, b.integers_below(n, shape, b.rng.choice([INT64, INT32])), axis=axis)
    elif kind < 0.75:
        shape = tuple(b.positive_size() if i == axis else b.rng.randint(min(n, 1), n) for i, n in enumerate(x.shape))
        b.apply("gather_elements", x, b.integers_below(n, shape), axis=axis)
    else:
        depth = b.rng.randint(1, len(x.shape))
        least = min(x.shape[:depth])
        b.apply("gather_nd", x, b.integers_below(least, (b.positive_size(), depth)))


def computed_gather(b: Builder) -> None:
    """Read at positions that the graph computes."""
    x = b.pick(lambda v: bool(v.shape))
    axis = b.axis(x)
    if not x.shape[axis]:
        raise Rejected("an empty axis")
    where = b.pick(lambda v: is_integer(v.dtype) and len(v.shape) < 3)
    wide = b.apply("cast", where, dtype=INT64)
    b.apply("gather", x, b.apply("remainder", wide, b.number(x.shape[axis], INT64)), axis=axis)


def sort(b: Builder) -> None:
    """Sort, or find the positions that would."""
    x = b.pick(lambda v: bool(v.shape))
    axis, down = b.axis(x), b.chance(0.3)
    if not b.exact(x):
        b.apply("sort", x, axis=axis, descending=down)
    elif b.chance(0.5):
        b.apply("argsort", x, axis=axis, descending=down)
    else:
        b.apply("top_k", x, k=b.rng.randint(min(1, x.shape[axis]), x.shape[axis]), axis=axis, largest=down)


def scatter(b: Builder) -> None:
    """Write at computed positions."""
    x = b.pick(lambda v: bool(v.shape) and 0 not in v.shape)
    reduction = b.rng.choice(["none", "add", "max", "min", "mul"])
    if b.chance(0.5):
        depth = b.rng.randint(1, len(x.shape))
        rows = (b.positive_size(),)
        where = b.integers_below(min(x.shape[:depth]), (*rows, depth))
        if reduction == "none":
            where = b.constant(b.arrays[where] % min(x.shape[:depth]))
        b.apply("scatter_nd", x, where, b.fresh((*rows, *x.shape[depth:]), x.dtype), reduction=reduction)
        return
    axis = b.axis(x)
    shape = tuple(b.rng.randint(1, n) for n in x.shape)
    where = b.integers_below(x.shape[axis], shape)
    b.apply("scatter_elements", x, where, b.fresh(shape, x.dtype), axis=axis, reduction=reduction)


def one_hot(b: Builder) -> None:
    """Make an axis of zeros and a one."""
    x = b.pick(lambda v: is_integer(v.dtype) and len(v.shape) < 4)
    dtype = b.rng.choice([FLOAT32, INT32, BOOL])
    b.apply("one_hot", x, depth=b.positive_size(), dtype=dtype, axis=b.rng.randint(0, len(x.shape)))


def index_ramp(b: Builder) -> None:
    """Make an index ramp, and combine it with a value."""
    shape = b.shape(1, 3)
    ramp = b.apply("iota", shape=shape, axis=b.rng.randrange(len(shape)), dtype=b.rng.choice([INT64, INT32, FLOAT32]))
    b.apply(b.rng.choice(["add", "multiply", "less"]), ramp, b.partner(ramp))


def dead(b: Builder) -> Value:
    """Make a value that is perhaps never read."""
    return b.fresh(b.shape(), b.dtype())


POINTWISE = ((8, unary), (8, binary), (4, chain), (4, integral), (3, compare), (4, select), (4, cast), (3, fan_out))
MOVEMENT = ((4, reshape), (4, transpose), (3, broadcast), (5, slice_), (3, pad), (3, concat), (4, shuffle))
FOLDS = ((6, reduce), (5, normalise), (2, running))
LOOKUPS = ((3, gather), (1, computed_gather), (2, sort), (2, scatter), (1, one_hot), (1, index_ramp), (1, dead))
MOVES = (*POINTWISE, *MOVEMENT, *FOLDS, *LOOKUPS)
