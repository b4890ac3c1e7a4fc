"""What holds for every declared operator."""

import importlib
import pkgutil

import numpy as np
import pytest

from aicomp import ops
from aicomp.ir import Kind
from aicomp.ops.composite import composite
from aicomp.types import BFLOAT16, BOOL, FLOAT32, FLOAT64, INT32, TensorType

NAMES = sorted(ops.OPS)
ELEMENTWISE = [name for name in NAMES if ops.OPS[name].kind is Kind.ELEMENTWISE]


def test_no_module_hides_an_operator():
    modules = {module.name for module in pkgutil.iter_modules(ops.__path__)}
    assert not modules & set(NAMES)


def test_names_are_declared_once():
    declared = [op for family in ops.FAMILIES for op in vars(family).values() if isinstance(op, type(ops.add))]
    assert len({id(op) for op in declared}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_declaration(name):
    op = ops.OPS[name]
    assert getattr(ops, name) is op
    assert op.doc and op.doc.splitlines()[0].endswith((".", ":"))
    assert (op.kind is Kind.ELEMENTWISE) == (op.expr is not None)
    assert op.kind is not Kind.COMPOSITE or op.decompose is not None
    assert op.traits <= {"commutative", "associative", "idempotent", "involution"}


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if "commutative" in ops.OPS[n].traits])
def test_commutative(name):
    x, y = np.array([[1.5], [-2], [0], [np.inf]], np.float32), np.array([2.5, -2, np.nan, -0.0], np.float32)
    x, y = (x > 0, y > 0) if name.startswith("bitwise") else (x, y)
    assert np.array_equal(ops.OPS[name](x, y), ops.OPS[name](y, x), equal_nan=x.dtype != bool)


@pytest.mark.parametrize("trait, times", [("idempotent", 1), ("involution", 0)])
def test_repeated_application(trait, times):
    x = np.array([-7.6, -2.5, -0.4, 0, 0.5, 6.4], np.float32)
    for name in ELEMENTWISE:
        op = ops.OPS[name]
        if trait in op.traits:
            start = x > 0 if name in ("logical_not", "bitwise_invert") else x
            once = op(start)
            assert np.array_equal(op(once), once if times else start), name


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_16_bit_floats_never_reach_arithmetic(name):
    op = ops.OPS[name]
    attrs = {key: BFLOAT16 if key == "dtype" else value for key, value in op.attrs.items()}
    dtypes = [BOOL if param == "condition" else BFLOAT16 for param in op.params]
    bits = name.startswith("bitwise")
    stack = [] if bits else [op.expr(dtypes, attrs)]
    while stack:
        expr = stack.pop()
        assert expr.dtype != BFLOAT16 or expr.op in ("arg", "cast", "bitcast", "select", "const"), str(expr)
        stack += expr.args


def test_unknown_names_say_where_to_look():
    with pytest.raises(AttributeError, match=r"aicomp\.ops has no operator .convolve.;.*aicomp list ops"):
        importlib.import_module("aicomp.ops").convolve  # noqa: B018


def test_composites_take_their_types_from_their_decomposition():
    @composite
    def halve(x, *, by=2.0):
        """x / by."""
        return x / by

    assert halve.infer(TensorType((2,), FLOAT32), by=2.0) == (TensorType((2,), FLOAT32),)
    assert halve(np.array([3.0], np.float32), by=4.0) == 0.75
    assert halve.kind is Kind.COMPOSITE and halve.attrs == {"by": 2.0}


@pytest.mark.parametrize("value", [True, 3, 2.5, np.array(1, np.float32), np.arange(3, dtype=">i4"), np.zeros((2, 0))])
def test_constant(value):
    node = ops.constant(value=value).node
    array = np.asarray(value)
    assert node.outputs[0].type == TensorType(array.shape, array.dtype.newbyteorder("="))
    assert np.array_equal(node.compute([])[0], array)


@pytest.mark.parametrize("dtype", [INT32, FLOAT64, BFLOAT16])
def test_iota(dtype):
    node = ops.iota(shape=[2, 3], axis=-1, dtype=dtype.name).node
    assert node.attrs["axis"] == 1 and node.outputs[0].type == TensorType((2, 3), dtype)
    assert node.compute([])[0].astype(int).tolist() == [[0, 1, 2]] * 2


def test_iota_of_an_empty_axis():
    assert ops.iota(shape=0).node.compute([])[0].shape == (0,)
