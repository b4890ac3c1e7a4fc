"""The driver: calls, copies, loops and branches over hand-made programs."""

from __future__ import annotations

import ctypes
from itertools import pairwise

import numpy as np
import pytest
from handmade import HOST, add, counting, load, pointers, run

from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.program import Branch, Call, Copy, Ref, Repeat
from aicomp.backends.cpu.runtime.driver import emit_driver, leaves
from aicomp.backends.cpu.runtime.jit import compile_object
from aicomp.types import BOOL, INT32, TensorType

X, Y = Ref("input", 0), Ref("output", 0)
VECTOR = TensorType((4,), INT32)


def vector(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def inc(source: Ref, target: Ref, tasks: int = 4) -> Call:
    return Call("inc", (source, target), tasks)


@pytest.mark.parametrize("tasks, threads", [(1, 1), (1, 2), (1000, 1), (1000, 2), (1000, 5)])
def test_calls_a_kernel_whole_or_in_parallel(tasks, threads):
    x, y = np.arange(1000, dtype=np.float32), np.ones(1000, np.float32)
    status, (out,) = run(add(1000, tasks), x, y, threads=threads)
    assert status == 0
    np.testing.assert_array_equal(out, x + y)


def test_no_task_no_call():
    _, (out,) = run(counting([inc(X, Y, tasks=0)]), vector(1, 2, 3, 4))
    assert not out.any()


def test_chain_through_the_arena_with_offsets_and_constants():
    weights = vector(10, 20, 30, 40)
    steps = [
        inc(X, Ref("arena", offset=64)),
        Call("sum", (Ref("arena", offset=64), Ref("constant", 0), Y), 4),
    ]
    _, (out,) = run(counting(steps, arena=128, constants=(weights,)), vector(1, 2, 3, 4))
    assert out.tolist() == [12, 23, 34, 45]


def test_copies_bytes():
    steps = [Copy(Ref("output", 0, 4), Ref("input", 0, 8), 8), Copy(Y, X, 0)]
    _, (out,) = run(counting(steps), vector(1, 2, 3, 4))
    assert out.tolist() == [0, 3, 4, 0]


@pytest.mark.parametrize("reverse, expected", [(False, [101, 102, 103, 104]), (True, [104, 103, 102, 101])])
def test_counted_loop_moves_its_references(reverse, expected):
    source = Ref("input", 0, 0, ((7, 4),))
    target = Ref("arena", 0)
    body = (inc(source, target, 1), Copy(Ref("output", 0, 0, ((8, 4),)), target, 4))
    loop = Repeat(7, body, count=4, reverse=reverse)
    inner = Copy(Ref("output", 0, 0, ((7, 4),)), Ref("input", 0, 0, ((7, 4),)), 4)
    _, (plain,) = run(counting([Repeat(7, (inner,), count=4, reverse=reverse)]), vector(1, 2, 3, 4))
    assert plain.tolist() == [1, 2, 3, 4]
    nested = Repeat(8, (loop,), count=4)
    _, (out,) = run(counting([nested], arena=64), vector(100, 101, 102, 103))
    assert out.tolist() == [expected[-1]] * 4


def test_loop_of_no_turns_runs_nothing():
    _, (out,) = run(counting([Repeat(0, (inc(X, Y),), count=0)]), vector(1, 1, 1, 1))
    assert not out.any()


def test_nested_loops_add_their_strides():
    cell = Ref("output", 0, 0, ((0, 8), (1, 4)))
    steps = [Repeat(0, (Repeat(1, (inc(cell, cell, 1), inc(cell, cell, 1)), count=2),), count=2)]
    _, (out,) = run(counting(steps), vector(0, 0, 0, 0))
    assert out.tolist() == [2, 2, 2, 2]


def test_conditional_loop_tests_after_its_head():
    """Copies flag[turn] into the arena before each test; counts the turns in out[0] and moves along out."""
    flags = TensorType((5,), BOOL)
    head = (Copy(Ref("arena", 0), Ref("input", 1, 0, ((3, 1),)), 1),)
    body = (inc(Y, Y, 1), Copy(Ref("output", 0, 4, ((3, 4),)), X, 4))
    steps = [Repeat(3, body, condition=Ref("arena", 0), head=head)]
    program = counting(steps, inputs=(VECTOR, flags), arena=64)
    for count in range(4):
        _, (out,) = run(program, vector(9, 9, 9, 9), np.array([n < count for n in range(5)]))
        assert out.tolist() == [count] + [9] * count + [0] * (3 - count)


@pytest.mark.parametrize("flag, expected", [(True, 1), (False, 2)])
def test_branch_runs_one_side(flag, expected):
    twice = (inc(X, Y), inc(Y, Y))
    program = counting([Branch(Ref("input", 1), twice[:1], twice)], inputs=(VECTOR, TensorType((), BOOL)))
    _, (out,) = run(program, vector(0, 0, 0, 0), np.array(flag))
    assert out.tolist() == [expected] * 4


def test_status_is_returned_and_starts_at_zero():
    program = counting([Call("check", (X, Y, Ref("status")), 4)])
    assert run(program, vector(1, 2, 3, 4))[0] == 0
    status, (out,) = run(program, vector(1, -2, 3, 4))
    assert status == 2
    assert out.tolist() == [1, -2, 3, 4]


def test_long_programs_are_written_in_short_blocks():
    program = counting([inc(Y, Y, 1)] * 1000)
    _, (out,) = run(program, vector(0, 0, 0, 0))
    assert out.tolist() == [1000, 0, 0, 0]
    (driver,) = emit_driver(program.name, program.steps)
    lines = str(driver).split("\n")
    ends = [n for n, line in enumerate(lines) if line.lstrip().startswith(("br ", "ret "))]
    assert max(b - a for a, b in pairwise(ends)) < 400


def test_profile_counts_and_times_every_leaf():
    body = (inc(Y, Y), Branch(Ref("input", 1), (inc(Y, Y),), (inc(Y, Y),)))
    steps = [Repeat(0, body, count=3), Repeat(1, body, count=0), Copy(Ref("arena"), Y, 16)]
    program = counting(steps, inputs=(VECTOR, TensorType((), BOOL)), arena=64)
    rows = list(leaves(program.steps))
    library = load(program, clock=True)
    profile = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4, ctypes.c_int64, ctypes.c_void_p)(
        library.address("counting_profile")
    )
    out, arena, laps = np.zeros(4, np.int32), np.zeros(64, np.uint8), np.zeros((len(rows), 2), np.int64)
    inputs = pointers([vector(0, 0, 0, 0), np.array(True)])
    for _ in range(2):
        assert profile(inputs, pointers([out]), None, arena.ctypes.data, 1, laps.ctypes.data) == 0
    assert laps[:, 0].tolist() == [6, 6, 0, 0, 0, 0, 2]
    assert ((laps[:, 1] > 0) == (laps[:, 0] > 0)).all()
    assert laps[:, 1].sum() < 1e9


def test_drivers_of_all_targets_are_valid():
    program = add(1000, 1000)
    for clock in (False, True):
        text = module_text([*program.functions, *emit_driver(program.name, program.steps, clock, darwin=True)])
        assert compile_object(text, HOST)
