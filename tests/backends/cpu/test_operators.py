"""Every operator compiled for the CPU, unfused and fused, against the interpreter: dtypes, shapes, special values."""

from itertools import product

import ml_dtypes
import numpy as np
import pytest
from agree import Case, case, disagreements, graph_of
from arrays import FLOATS, INTEGERS, dtype, floats, tensor
from tables import (
    ALONG,
    ELEMENTWISE,
    FOLDED,
    INF,
    NAMES,
    NAN,
    SHAPES,
    composites,
    contractions,
    elementwise,
    lookups,
    movements,
    reductions,
    scatters,
)

import aicomp as ac
from aicomp import ops
from aicomp.errors import AicompError

WIDTHS = ["bool", "int8", "bfloat16", "int32", "float32", "float64"]  # movement only sees sizes, and bools
LEVELS = [0, 2]

UNCOUNTED = {"fusion", "scan", "while", "cond", "constant"}  # in test_regions.py; constants are in every graph


def takes(made: Case) -> bool:
    """Return whether the operator takes these dtypes."""
    try:
        graph_of([made])
    except AicompError:
        return False
    return True


def agree(cases, level, **options):
    """Assert that compiled code does what the interpreter does, for all cases that the operators take."""
    found = [made for made in cases if takes(made)]
    assert found
    assert not disagreements(found, level, **options)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name, level):
    agree([made for of in NAMES for made in elementwise(name, of)], level)


@pytest.mark.parametrize("level", LEVELS)
def test_broadcasting(level):
    made = [
        case("subtract", tensor(a, of), tensor(b, of, 1)) for a, b in SHAPES for of in ("float32", "int64", "float16")
    ]
    made += [case("where", tensor(b, "bool"), tensor(a), tensor((), seed=2)) for a, b in SHAPES]
    made += [case("less", tensor(b), tensor(a, seed=1)) for a, b in SHAPES]
    agree(made, level)


@pytest.mark.parametrize("attrs", [{"alpha": 0.3}, {"alpha": 2.0}])
def test_attributes_of_activations(attrs):
    x = floats("float32")
    agree([case(name, x, **attrs) for name in ("leaky_relu", "elu", "celu", "thresholded_relu", "hard_sigmoid")], 2)
    agree([case("gelu", x, approximate="tanh"), case("shrink", x, bound=0.5, bias=0.5)], 2)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("of", NAMES)
def test_reductions(of, level):
    every = of in ("float32", "bool")
    agree(reductions(of, FOLDED if every else [((3, 40), 1), ((40, 3), 0), ((2, 3, 4), (0, 2))]), level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("of", FLOATS)
def test_reductions_of_special_values(of, level):
    some = [[1, NAN, 3], [-INF, -INF], [INF, 1, INF, -INF], [-0.0, -1], [[1, 2], [NAN, 5], [7, NAN]]]
    xs = [np.array(values, dtype(of)) for values in some]
    xs += [np.resize(floats(of), (3, 67)), np.resize(floats(of), (67, 3))]
    made = [case(name, x, axes=axis) for x in xs for axis in range(x.ndim) for name in ("sum", "max", "min")]
    made += [case(name, x, axis=axis) for x in xs for axis in range(x.ndim) for name in ("argmax", "argmin")]
    agree(made, level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("of", WIDTHS)
def test_movement(of, level):
    agree(movements(of), level)


@pytest.mark.parametrize("level", LEVELS)
def test_iota(level):
    attrs = product(((5,), (2, 3), (3, 0), (40, 2)), (0, -1), ("int64", "uint8", "float32", "bfloat16"))
    agree([case("iota", shape=shape, axis=axis, dtype=of) for shape, axis, of in attrs], level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "of, index", [*product(["float32"], INTEGERS), *product(["bool", "float16", "int64"], ["int32"])]
)
def test_lookups(of, index, level):
    agree(lookups(of, index), level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("of", NAMES)
def test_running_folds(of, level):
    made = []
    for kind, exclusive, reverse in product(("sum", "prod", "max", "min"), (False, True), (False, True)):
        attrs = {"kind": kind, "exclusive": exclusive, "reverse": reverse}
        along = ALONG if of == "float32" and kind == "sum" else ALONG[2:4]
        made += [case("cumulative", tensor(shape, of), axis=axis, **attrs) for shape, axis in along]
    agree(made, level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("of", NAMES)
def test_sorting(of, level):
    xs = [(tensor(shape, of), axis) for shape, axis in (ALONG if of == "float32" else [((30, 7), 0), ((67,), 0)])]
    xs += [(floats(of), 0)] if of in FLOATS else []
    agree([case("argsort", x, axis=axis, descending=down) for (x, axis), down in product(xs, (False, True))], level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scatters(reduction, level):
    made = [made for index in ("int64", "uint8") for made in scatters("float32", index, reduction)]
    made += [list(scatters(of, "int32", reduction))[1] for of in NAMES]
    agree([*made, *scatters("bfloat16", "int8", reduction)], level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("of", NAMES)
def test_contractions(of, level):
    agree(contractions(of, of in ("float32", "int32")), level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("of", ["float32", "float16", "float64"])
def test_composites(of, level):
    agree(list(composites(of)) if of == "float32" else list(composites(of))[level::3], level)


def test_every_operator_is_in_a_table():
    made = [*composites("float32"), *movements("float32"), *lookups("float32", "int64"), *contractions("float32", True)]
    made += [*scatters("float32", "int64", "none"), *reductions("float32", FOLDED), *reductions("bool", FOLDED)]
    elsewhere = {"iota", "cumulative", "argsort", *ELEMENTWISE}
    assert {each.op for each in made} | elsewhere | UNCOUNTED == set(ops.OPS)


# -- machines, and memory ----------------------------------------------------------------------------
@pytest.mark.parametrize("cpu", ["x86-64", "avx2"])
def test_presets(cpu):
    agree([*contractions("float32", False), *contractions("float16", False), *contractions("int8", False)], 2, cpu=cpu)
    agree([*reductions("float32", FOLDED[6:11]), *reductions("bfloat16", FOLDED[6:11]), *movements("int8")], 2, cpu=cpu)
    names = ("exp", "tanh", "floor_divide", "fmod", "pow", "round", "cast", "where", "sin", "erf", "log1p", "nextafter")
    agree([made for name in names for of in NAMES for made in elementwise(name, of)], 2, cpu=cpu)
    agree(
        [*lookups("float32", "int32"), *scatters("float16", "int8", "add"), *list(composites("float32"))[::2]],
        2,
        cpu=cpu,
    )


STRIDED = [
    lambda x: x[::-1, ::-1], lambda x: np.asfortranarray(x), lambda x: np.broadcast_to(x[:1], x.shape),
    lambda x: np.repeat(x, 2, 1)[:, ::2], lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
]  # fmt: skip


@pytest.mark.parametrize("of", ["float32", "bool", "int8", "float64"])
@pytest.mark.parametrize("view", STRIDED)
def test_inputs_of_any_layout(view, of):
    x, y = view(tensor((5, 6), of)), view(tensor((5, 6), of, 1))
    graph, _, _ = graph_of([case("where", tensor((5, 6), "bool"), tensor((5, 6), of), tensor((5, 6), of, 1))])
    condition = tensor((5, 6), "bool")[::-1]
    assert np.array_equal(ac.compile(graph)(condition, x, y), np.where(condition, x, y))


def test_halves_round_once_after_each_operator():
    x = floats("float16")
    for level in LEVELS:
        graph, arrays, _ = graph_of([case("negative", x)])
        assert np.array_equal(ac.compile(graph, opt_level=level)(*arrays), -x, equal_nan=True)
    half = np.asarray(1 / 3, ml_dtypes.bfloat16)
    assert ac.compile(lambda a: (a * a) * a, (half,))(half) == (half * half) * half
