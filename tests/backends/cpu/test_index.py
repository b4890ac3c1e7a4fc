"""Symbolic indices: whatever the algebra simplifies, the number at every position of the loops stays the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aicomp.backends.cpu.loops.index import (
    ZERO,
    Dynamic,
    FloorDiv,
    Linear,
    Mod,
    Var,
    atom_bounds,
    constant,
    flatten,
    row_major,
    unflatten,
)

Point = Mapping[Var, int]
LOOPS = tuple(Var(f"i{n}", extent) for n, extent in enumerate((1, 2, 3, 4, 6)))
I, J = Var("i", 4), Var("j", 6)


class Table:
    """An index read at run time: the position in a table, as a scalar of a nest is."""

    def __init__(self, var: Var, numbers: tuple[int, ...]) -> None:
        self.var = var
        self.numbers = numbers
        self.deps = frozenset({var})


def points(variables) -> Iterator[Point]:
    """Yield every position of some loops."""
    for numbers in itertools.product(*(range(v.extent) for v in variables)):
        yield dict(zip(variables, numbers, strict=True))


def evaluate(index: Linear, at: Point) -> int:
    """Return what an index is at a position, from its definition alone."""
    return index.constant + sum(c * evaluate_atom(a, at) for a, c in index.terms)


def evaluate_atom(atom, at: Point) -> int:
    if isinstance(atom, Var):
        return at[atom]
    if isinstance(atom, FloorDiv):
        return evaluate(atom.of, at) // atom.by
    if isinstance(atom, Mod):
        return evaluate(atom.of, at) % atom.by
    return atom.scalar.numbers[at[atom.scalar.var]]


# -- random formulas, as an index and as plain arithmetic ----------------------------------------------------
def formulas():
    """Return formulas over LOOPS: a nested tuple of an operation and its operands."""
    leaves = st.one_of(
        st.sampled_from(LOOPS).map(lambda v: ("var", v)), st.integers(-7, 7).map(lambda n: ("constant", n))
    )
    factors, divisors = st.integers(-6, 12), st.sampled_from([1, 2, 3, 4, 6, 8, 12])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(st.just("+"), inner, inner),
            st.tuples(st.just("-"), inner, inner),
            st.tuples(st.just("*"), inner, factors),
            st.tuples(st.just("//"), inner, divisors),
            st.tuples(st.just("%"), inner, divisors),
        ),
        max_leaves=8,
    )


def symbolic(formula) -> Linear:
    match formula:
        case ("var", var):
            return var.linear
        case ("constant", number):
            return constant(number)
        case ("+", a, b):
            return symbolic(a) + symbolic(b)
        case ("-", a, b):
            return symbolic(a) - symbolic(b)
        case ("*", a, factor):
            return symbolic(a) * factor
        case ("//", a, by):
            return symbolic(a) // by
        case ("%", a, by):
            return symbolic(a) % by
    raise AssertionError(formula)


def plain(formula, at: Point) -> int:
    match formula:
        case ("var", var):
            return at[var]
        case ("constant", number):
            return number
        case ("+", a, b):
            return plain(a, at) + plain(b, at)
        case ("-", a, b):
            return plain(a, at) - plain(b, at)
        case ("*", a, factor):
            return plain(a, at) * factor
        case ("//", a, by):
            return plain(a, at) // by
        case ("%", a, by):
            return plain(a, at) % by
    raise AssertionError(formula)


@settings(max_examples=150, deadline=None)
@given(formulas())
def test_an_index_is_the_number_its_formula_gives(formula):
    index = symbolic(formula)
    low, high = index.bounds()
    for at in points(LOOPS):
        assert evaluate(index, at) == plain(formula, at)
        assert low <= plain(formula, at) <= high


@settings(max_examples=100, deadline=None)
@given(formulas())
def test_every_atom_stands_once_with_a_coefficient(formula):
    index = symbolic(formula)
    atoms = [atom for atom, _ in index.terms]
    assert len(set(atoms)) == len(atoms)
    assert all(c for _, c in index.terms)
    assert LOOPS[0] not in atoms, "a loop of one turn is the constant 0"


@settings(max_examples=100, deadline=None)
@given(formulas(), st.sampled_from(LOOPS[1:]))
def test_what_is_said_of_a_variable_holds(formula, var):
    index = symbolic(formula)
    rest = index.without(var)
    for at in points(LOOPS):
        assert evaluate(index, at) == evaluate(rest, at) + index.coefficient(var) * at[var]
        first, second = evaluate(index, {**at, var: 0}), evaluate(index, {**at, var: 1})
        assert first == second or index.depends(var)
        assert second - first == index.coefficient(var) or not index.is_affine_in(var)


@settings(max_examples=100, deadline=None)
@given(formulas(), formulas(), formulas())
def test_substitution_is_evaluation_at_the_new_indices(formula, first, second):
    index = symbolic(formula)
    new = {LOOPS[2]: symbolic(first) % 3, LOOPS[4]: symbolic(second) % 6}
    replaced = index.substitute(new)
    for at in points(LOOPS):
        inner = {**at, **{var: evaluate(by, at) for var, by in new.items()}}
        assert evaluate(replaced, at) == evaluate(index, inner)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 4), max_size=4).map(tuple), st.permutations(range(4)))
def test_flat_positions_are_those_of_row_major_order(shape, order):
    loops = tuple(Var(f"i{axis}", n) for axis, n in enumerate(shape))
    index = tuple(v.linear for v in loops)
    flat = flatten(index, shape)
    assert [evaluate(flat, at) for at in points(loops)] == list(range(len(list(points(loops)))))
    assert unflatten(flat, shape) == index  # affine again: nothing is divided at run time
    other = tuple(shape[axis] for axis in order if axis < len(shape))
    for at, place in zip(points(loops), itertools.product(*map(range, other)), strict=True):
        assert tuple(evaluate(i, at) for i in unflatten(flat, other)) == place


# -- the forms that lowering counts on -------------------------------------------------------------------------
def test_a_reshape_that_splits_an_axis_is_affine():
    flat = I.linear * 6 + J.linear
    assert (flat // 6, flat % 6) == (I.linear, J.linear)
    assert (flat // 12, flat // 2 % 3) == (I.linear // 2, J.linear // 2)


def test_multiples_leave_a_division_and_a_remainder():
    flat = I.linear * 24 + J.linear * 4 + 3
    assert flat // 12 == I.linear * 2 + J.linear // 3
    assert flat % 12 == J.linear % 3 * 4 + 3


def test_a_quotient_and_its_remainder_join_again():
    x = I.linear * 5 + J.linear
    assert (x // 4) * 4 + x % 4 == x
    assert x % 4 * 3 + (x // 4) * 12 == x * 3
    apart = (x // 4) * 5 + x % 4
    assert {type(a) for a, _ in apart.terms} == {FloorDiv, Mod}


def test_indices_below_zero_divide_as_python_does():
    shifted = I.linear - 3
    assert [evaluate(shifted // 2, {I: n}) for n in range(4)] == [-2, -1, -1, 0]
    assert [evaluate(shifted % 2, {I: n}) for n in range(4)] == [1, 0, 1, 0]
    assert (shifted // 2).bounds() == (-2, 0)


def test_a_division_known_from_the_bounds_is_a_constant():
    assert J.linear // 6 == ZERO
    assert (J.linear + 12) // 6 == constant(2)
    assert (J.linear + 12) % 6 == J.linear
    assert (J.linear - 6) // 6 == constant(-1)


def test_arithmetic_that_cancels_leaves_nothing():
    assert I.linear - I.linear == ZERO
    assert I.linear * 0 + 5 == constant(5)
    assert (I.linear + J.linear) - I.linear == J.linear


def test_indices_read_at_run_time_are_kept_whole():
    read = Linear(((Dynamic(Table(I, (5, 0, 2, 2)), 6), 1),), 0)
    assert read.bounds() == (0, 5)
    assert read.depends(I)
    assert not read.depends(J)
    assert not read.is_affine_in(I)
    index = read * 6 + J.linear
    assert [evaluate(index // 6, {I: n, J: 3}) for n in range(4)] == [5, 0, 2, 2]
    assert atom_bounds(Dynamic(None, 0)) == (0, 0)


def test_substitution_rewrites_what_is_read_at_run_time():
    old, new = Table(I, (1, 0)), Table(J, (0, 1))
    read = Linear(((Dynamic(old, 2), 3),), 1)
    assert read.substitute({}, {old: new}.get) == Linear(((Dynamic(new, 2), 3),), 1)


def test_a_variable_equals_only_itself():
    twin = Var("i", 4)
    assert twin != I
    assert len((twin.linear + I.linear).terms) == 2


@pytest.mark.parametrize(("shape", "strides"), [((), ()), ((5,), (1,)), ((2, 3, 4), (12, 4, 1)), ((2, 0), (0, 1))])
def test_strides_of_dense_tensors(shape, strides):
    assert row_major(shape) == strides


def test_an_empty_tensor_has_an_index_of_no_element():
    loops = (Var("i0", 2), Var("i1", 0))
    assert len(unflatten(flatten([v.linear for v in loops], (2, 0)), (0, 2))) == 2
