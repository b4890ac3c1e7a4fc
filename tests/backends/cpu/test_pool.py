"""The thread pool: every task once, whoever calls, in whatever state the pool is."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from handmade import HOST, elementwise

from aicomp.backends.cpu.codegen.llvm import Function, V
from aicomp.backends.cpu.codegen.module import module_text
from aicomp.backends.cpu.machine import PRESETS, Machine
from aicomp.backends.cpu.runtime.driver import PARALLEL
from aicomp.backends.cpu.runtime.jit import Library, compile_object
from aicomp.backends.cpu.runtime.pool import pool_text

PORTABLE = Machine("x86_64-unknown-freebsd", "x86-64", "", 128, 16, False, False, False)


@cache
def pool(kind: str) -> Library:
    """Return a pool of its own (as every exported object has): by futex, by condition variable, portable."""
    machine = PORTABLE if kind == "portable" else HOST
    text = pool_text(machine, futex=kind == "futex")
    library = Library([compile_object(text, HOST, fast=False)], [PARALLEL])
    library.keep()
    return library


@cache
def kernels() -> Library:
    nested = Function("nested", [("ptr", "args"), ("i64", "begin"), ("i64", "end")])
    tasks = nested.load("i64", nested.load("ptr", nested.gep("ptr", nested.args[0], 2)))
    with nested.loop(nested.args[1], nested.args[2]):
        inner = [V("@inc", "ptr"), nested.args[0], tasks, V("4", "i64")]
        nested.call_void(PARALLEL, inner)
    nested.ret()
    text = module_text([elementwise("inc", "i32", "add", 1), nested, meeting()])
    library = Library([compile_object(text, HOST)], ["inc", "nested", "meet"])
    library.keep()
    return library


def meeting() -> Function:
    """Return the kernel `(most, count, met)`: task i counts itself, waits until `count` is that of all tasks, and
    says so in `met[i]`; it gives up after `most` looks. Only tasks that run at the same time meet."""
    f = Function("meet", [("ptr", "args"), ("i64", "begin"), ("i64", "end")])
    most, count, met = (f.load("ptr", f.gep("ptr", f.args[0], n)) for n in range(3))
    looks, wanted = f.load("i64", most), f.load("i64", f.gep("i64", most, 1))
    with f.loop(f.args[1], f.args[2]) as task:
        f.ins(f"atomicrmw add {count}, i64 1 seq_cst", "i64")
        f.jump("look")
        f.start("look")
        left = f.ins(f"phi i64 [ {looks.ref}, %{task.index.ref[1:-2]} ], [ %fewer, %again ]", "i64")
        here = f.icmp("eq", f.ins(f"load atomic i64, {count} seq_cst, align 8", "i64"), wanted)
        f.branch(here, "seen", "again")
        f.start("again")
        f.call("sched_yield", "i32", [])
        f.do(f"%fewer = sub {left}, 1")
        f.branch(f.icmp("eq", V("%fewer", "i64"), 0), "leave", "look")
        f.start("seen")
        f.store(V("1", "i64"), f.gep("i64", met, task.index))
        f.jump("leave")
        f.start("leave")
    f.ret()
    return f


def parallel(kind: str, kernel: str, arrays: list[np.ndarray], tasks: int, threads: int, times: int = 1) -> None:
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(
        pool(kind).address(PARALLEL)
    )
    args = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
    for _ in range(times):
        call(kernels().address(kernel), args, tasks, threads)


KINDS = ["futex", "condition", "portable"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_every_task_runs_once(kind, threads):
    for tasks in (0, 1, 2, 3, 7, 8, 9, 31, 1000):
        counts = np.zeros(1001, np.int32)
        parallel(kind, "inc", [counts, counts], tasks, threads, times=50)
        assert (counts[:tasks] == 50).all()
        assert not counts[tasks:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_sleeping_workers_wake(kind):
    counts = np.zeros(64, np.int32)
    for _ in range(5):
        threading.Event().wait(0.005)  # ten times as long as workers spin
        parallel(kind, "inc", [counts, counts], 64, 3)
    assert (counts == 5).all()


@pytest.mark.parametrize("kind", KINDS)
def test_workers_work_at_the_same_time(kind):
    for _ in range(3):
        threading.Event().wait(0.005)
        most, count, met = np.array([10_000_000, 3]), np.zeros(1, np.int64), np.zeros(3, np.int64)
        parallel(kind, "meet", [most, count, met], 3, 3)
        assert met.all()


@pytest.mark.parametrize("kind", KINDS)
def test_no_more_threads_than_asked_for(kind):
    counts = np.zeros(100, np.int32)
    parallel(kind, "inc", [counts, counts], 100, 8)  # now there are seven workers
    most, count, met = np.array([3000, 3]), np.zeros(1, np.int64), np.zeros(3, np.int64)
    parallel(kind, "meet", [most, count, met], 3, 2)
    assert count == 3
    assert met.sum() < 3


@pytest.mark.parametrize("kind", KINDS)
def test_several_callers_at_once(kind):
    counts = np.zeros((8, 100), np.int32)

    def call(row: np.ndarray) -> None:
        for _ in range(20):
            parallel(kind, "inc", [row, row], 100, 3, times=20)

    callers = [threading.Thread(target=call, args=(row,)) for row in counts]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert (counts == 400).all()


def test_nested_calls_run_serially():
    counts, tasks = np.zeros(50, np.int32), np.array([50])
    parallel("futex", "nested", [counts, counts, tasks], 1, 2, times=10)
    assert (counts == 10).all()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_survives_fork(kind):
    counts = np.zeros(100, np.int32)
    parallel(kind, "inc", [counts, counts], 100, 2)
    child = os.fork()
    if not child:
        parallel(kind, "inc", [counts, counts], 100, 2, times=100)
        workers = len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 2
        os._exit(0 if (counts == 101).all() and workers == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    parallel(kind, "inc", [counts, counts], 100, 2)
    assert (counts == 2).all()


def test_workers_block_signals_and_stop_nothing_at_exit():
    here = os.path.dirname(__file__)
    code = f"""
import os, sys
sys.path.insert(0, {here!r})
import numpy as np
from test_pool import parallel
counts = np.zeros(100, np.int32)
parallel("futex", "inc", [counts, counts], 100, 2)
if sys.platform == "linux":
    before = set(os.listdir("/proc/self/task"))
    blocked = [line for line in open(f"/proc/self/task/{{max(before, key=int)}}/status") if "SigBlk" in line]
    assert int(blocked[0].split()[1], 16) & 2, blocked
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_idle_workers_sleep():
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    counts = np.zeros(100, np.int32)
    parallel("futex", "inc", [counts, counts], 100, 2)
    tasks = Path("/proc/self/task")
    for _ in range(100):
        threading.Event().wait(0.02)
        states = [(task / "stat").read_text().split(") ")[1][0] for task in tasks.iterdir()]
        if states.count("R") <= 1:
            return
    pytest.fail(f"two seconds after the last call, threads are in states {states}")


@pytest.mark.parametrize("name", [*PRESETS, "darwin", "windows"])
def test_assembles_for_every_target(name):
    triples = {"darwin": "arm64-apple-darwin23", "windows": "x86_64-pc-windows-msvc"}
    triple = triples.get(name) or PRESETS[name].triple
    machine = Machine(triple, "", "", 128, 16, False, False, False)
    assert compile_object(pool_text(machine), machine, fast=False)
