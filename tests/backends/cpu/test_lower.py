"""From graphs to programs: what is a view, what is copied, what is compiled once; loops and branches that agree."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from programs import HOST, call

from aicomp import ops
from aicomp.backends.cpu.lower import contiguous_offset, lower, out_of_range
from aicomp.backends.cpu.memory import calls_of
from aicomp.backends.cpu.program import Call, Copy, Program, Ref, Repeat
from aicomp.interpreter import interpret
from aicomp.ir import Graph, Location, Node, Value
from aicomp.ops import OPS
from aicomp.ops.composite import region
from aicomp.ops.symbol import Symbol, lift
from aicomp.types import BOOL, FLOAT32, INT64, TensorType

F = TensorType((4, 6), FLOAT32)
ROW = TensorType((6,), FLOAT32)
S = TensorType((), FLOAT32)


def graph_of(function, *types) -> Graph:
    inputs = [Value(type_, name=f"x{i}") for i, type_ in enumerate(types)]
    results = function(*map(Symbol, inputs))
    results = results if isinstance(results, tuple) else (results,)
    return Graph.build("model", inputs, [result.value for result in results])


def lowered(function, *types) -> Program:
    """Return the program of a function, after checking that it computes what the interpreter does."""
    graph = graph_of(function, *types)
    program = lower(graph, HOST, "model")
    rng = np.random.default_rng(0)
    arrays = [rng.integers(-3, 4, type_.shape).astype(type_.dtype) for type_ in types]
    results = call(graph, HOST, program)(*arrays)
    for got, want in zip(results, interpret(graph, arrays), strict=True):
        np.testing.assert_array_equal(got, want, strict=True)
    return program


def kinds(program: Program) -> list[str]:
    return [type(step).__name__ for step in program.steps]


# -- views -----------------------------------------------------------------------------------------------------
def test_reshapes_are_no_work():
    program = lowered(lambda x: ops.reshape(ops.relu(ops.reshape(x, shape=(3, 8))), shape=(24,)), F)
    assert kinds(program) == ["Call"]
    assert program.arena_bytes == 0, "the kernel writes the output"


def test_a_block_of_memory_is_read_in_place():
    def network(x):
        rows = ops.slice(x, starts=(1, 0), sizes=(2, 6), steps=(1, 1))
        return ops.relu(rows)

    program = lowered(network, F)
    (step,) = program.steps
    assert isinstance(step, Call)
    assert step.args[0] == Ref("input", 0, offset=24)


def test_any_other_slice_is_copied():
    program = lowered(lambda x: ops.relu(ops.slice(x, starts=(0, 1), sizes=(4, 2), steps=(1, 1))), F)
    assert kinds(program) == ["Call", "Call"]
    program = lowered(lambda x: ops.slice(x, starts=(1, 0), sizes=(2, 6), steps=(1, 1)), F)
    assert kinds(program) == ["Call"], "an output is its own memory"


def test_which_slices_are_blocks():
    x = np.arange(2 * 3 * 4, dtype=np.int32).reshape(2, 3, 4)
    value = Value(TensorType(x.shape, x.dtype))
    ranges = [[(a, b) for a in range(n) for b in range(1, n - a + 1)] for n in x.shape]
    for cut in itertools.product(*ranges):
        starts, sizes = zip(*cut, strict=True)
        offset = contiguous_offset(ops.slice(value, starts=starts, sizes=sizes, steps=(1, 1, 1)).node)
        part = x[tuple(slice(a, a + n) for a, n in cut)].reshape(-1)
        is_block = np.array_equal(part, np.arange(part[0], part[0] + part.size))
        assert offset == (part[0] * 4 if is_block else None)


def test_slices_with_steps_are_no_blocks():
    assert contiguous_offset(ops.slice(Value(ROW), starts=(5,), sizes=(6,), steps=(-1,)).node) is None
    assert contiguous_offset(ops.slice(Value(ROW), starts=(0,), sizes=(3,), steps=(2,)).node) is None


# -- inputs, outputs, constants --------------------------------------------------------------------------------
def test_an_input_that_is_an_output_is_copied():
    program = lowered(lambda x: (x, ops.reshape(x, shape=(24,))), F)
    assert [step.nbytes for step in program.steps] == [96, 96]


def test_a_value_that_is_two_outputs_is_computed_once():
    def network(x):
        y = ops.relu(x)
        return y, y, ops.reshape(y, shape=(24,))

    assert Counter(kinds(lowered(network, F))) == {"Call": 1, "Copy": 2}


def test_an_output_that_others_read_is_read_where_it_is():
    def network(x):
        y = ops.relu(x)
        return y, ops.abs(y)

    program = lowered(network, F)
    assert program.steps[1].args[0] == Ref("output", 0)
    assert program.arena_bytes == 0


def test_constants_stand_once_and_one_that_is_an_output_is_copied():
    table = np.arange(24, dtype=np.float32).reshape(4, 6)

    def network(x):
        weights = Symbol(lift(table))
        return x + weights, x * weights, weights

    program = lowered(network, F)
    assert len(program.constants) == 1
    assert isinstance(program.steps[-1], Copy)


def test_empty_results_take_no_step():
    def network(x):
        none = ops.slice(x, starts=(0, 0), sizes=(0, 6), steps=(1, 1))
        return ops.relu(none), ops.sum(none, axes=0)

    assert kinds(lowered(network, F)) == ["Call"]


# -- kernels ---------------------------------------------------------------------------------------------------
def test_equal_kernels_are_compiled_once():
    def network(x):
        for _ in range(5):
            x = ops.relu(ops.sin(x) + 1.0)
        return x

    inputs = [Value(F)]
    program = lower(Graph.build("model", inputs, [network(Symbol(inputs[0])).value]), HOST, "model")
    assert len(program.functions) == 3
    assert len(list(calls_of(program.steps))) == 15


def test_kernels_that_differ_in_a_number_are_two():
    def plus(x, number):
        return ops.fusion(x, regions=[region(lambda y: y + number, [F])])

    program = lowered(lambda x: tuple(plus(x, number) for number in (0.0, -0.0, 0.0, 1.0)), F)
    assert len(program.functions) == 3


def test_an_operand_that_stands_twice_is_one_argument():
    program = lowered(lambda x: x * x, F)
    assert len(program.steps[0].args) == 2


def test_temporaries_share_memory():
    def network(x):
        for op in (ops.relu, ops.negative, ops.abs, ops.square):
            x = op(x)
        return x

    assert lowered(network, F).arena_bytes == 128


def test_a_large_contraction_packs_in_scratch_memory():
    program = lowered(ops.matmul, TensorType((64, 256), FLOAT32), TensorType((256, 300), FLOAT32))
    assert kinds(program)[-1] == "Call"
    assert program.arena_bytes >= (256 * 300 * 4 if len(program.steps) > 1 else 0)


# -- loops and branches ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 1, 4])
def test_scans(length, reverse):
    body = region(lambda a, b, x, y, w: (b + x, a * 2.0, a + y * w, x), [ROW, ROW, ROW, S, ROW])

    def network(a, b, xs, ys, w):
        results = ops.scan(a, b, xs, ys, w, regions=[body], num_carry=2, num_xs=2, length=length, reverse=reverse)
        return (*results, a + b)

    xs, ys = TensorType((length, 6), FLOAT32), TensorType((length,), FLOAT32)
    program = lowered(network, ROW, ROW, xs, ys, ROW)
    assert sum(isinstance(step, Repeat) for step in program.steps) == (length > 0)


def test_carries_that_change_places():
    body = region(lambda a, b, c: (b, c, a), [ROW] * 3)
    lowered(lambda a, b, c: tuple(ops.scan(a, b, c, regions=[body], num_carry=3, num_xs=0, length=4)), ROW, ROW, ROW)


def test_a_carry_from_a_constant_and_one_value_carried_twice():
    body = region(lambda a, b, c: (a + 1.0, b * 2.0, c - a), [S] * 3)

    def network(x):
        return tuple(ops.scan(Symbol(lift(np.float32(3))), x, x, regions=[body], num_carry=3, num_xs=0, length=3))

    lowered(network, S)


def test_scans_in_scans():
    inner = region(lambda a, x, w: (a + x * w, a), [S, S, S])

    def turn(a, row):
        last, before = ops.scan(a, row, a, regions=[inner], num_carry=1, num_xs=1, length=6)
        return last * 0.5, before

    outer = region(turn, [S, ROW])
    lowered(lambda a, xs: tuple(ops.scan(a, xs, regions=[outer], num_carry=1, num_xs=1, length=4)), S, F)


def test_a_while_that_never_runs_and_one_that_does():
    regions = [
        region(lambda i, a, limit: ops.less(i, limit), [S, ROW, S]),
        region(lambda i, a, limit: (i + 1.0, a + i), [S, ROW, S]),
    ]
    for start in (9.0, -4.0):

        def network(a, limit, start=start):
            first = Symbol(lift(np.float32(start)))
            return tuple(ops.OPS["while"](first, a, limit, regions=regions, num_carry=2))

        lowered(network, ROW, S)


def test_conds_with_branches_that_share_pass_on_and_ignore():
    then = region(lambda a, b: (a, b, a + b), [ROW, ROW])
    other = region(lambda a, b: (b, b, Symbol(lift(np.zeros(6, np.float32)))), [ROW, ROW])

    def network(p, a, b):
        x, y, z = ops.cond(p, a, b, regions=[then, other])
        return x + y, z

    lowered(network, TensorType((), BOOL), ROW, ROW)


def test_a_cond_in_a_scan_in_a_cond():
    choice = [region(lambda a, x: a + x, [S, S]), region(lambda a, x: a * 2.0 - x, [S, S])]
    body = region(lambda a, x: ops.cond(ops.less(x, 0.0), a, x, regions=choice), [S, S])
    branches = [
        region(lambda a, xs: ops.scan(a, xs, regions=[body], num_carry=1, num_xs=1, length=6), [S, ROW]),
        region(lambda a, xs: a + ops.sum(xs), [S, ROW]),
    ]
    lowered(lambda a, xs: ops.cond(ops.less(a, 9.0), a, xs, regions=branches), S, ROW)


# -- messages --------------------------------------------------------------------------------------------------
def test_indices_out_of_range_name_their_places():
    x, i = Value(ROW), Value(TensorType((2,), INT64))
    nodes = [Node(OPS["gather"], (x, i), {"axis": 0}, loc=Location("model.py", line)) for line in (3, 3, 4, 5, 6, 7)]
    graph = Graph.build("g", [x, i], [node.outputs[0] for node in nodes])
    assert out_of_range(graph).endswith(
        "(gather at model.py:3, gather at model.py:4, gather at model.py:5, gather at model.py:6, ...)"
    )
    assert out_of_range(graph.with_outputs([ops.gather(x, i, axis=0)])).endswith("(gather)")
