"""Memory of large outputs: kept for later calls, within bounds, whoever frees it, whenever."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import threading
from functools import cache

import numpy as np
import pytest
from handmade import HOST
from numpy._core.multiarray import get_handler_name

from aicomp.backends.cpu.program import Copy, Program, Ref
from aicomp.backends.cpu.runtime.artefact import compile_program
from aicomp.backends.cpu.runtime.call import LARGE_OUTPUT, MOST_KEPT, bind, layout_is_known
from aicomp.types import INT32, TensorType

pytestmark = pytest.mark.skipif(not layout_is_known(), reason="needs the layout of NumPy's arrays")


@cache
def identity(*sizes: int):
    """Return a function that copies int32 vectors of these sizes."""
    types = tuple(TensorType((size,), INT32) for size in sizes)
    steps = tuple(Copy(Ref("output", n), Ref("input", n), t.nbytes) for n, t in enumerate(types))
    names = [f"x{n}" for n in range(len(types))]
    return bind(compile_program(Program("same", types, types, (), steps, (), 0), HOST, names, names), 1)


def numbers(size: int, first: int = 0) -> np.ndarray:
    return np.arange(first, first + size, dtype=np.int32)


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_only_large_outputs_are_ours():
    edge = LARGE_OUTPUT // 4
    small, large = identity(edge - 1, edge)(numbers(edge - 1), numbers(edge))
    assert get_handler_name(small) == get_handler_name() == "default_allocator"
    assert get_handler_name(large) == "aicomp"
    assert large.flags.owndata
    assert large.ctypes.data % 64 == 0


def test_memory_comes_back_at_the_next_call():
    x = numbers(100_000)
    addresses = set()
    for _ in range(20):
        addresses.add(identity(x.size)(x).ctypes.data)
    assert len(addresses) == 1


def test_outputs_that_live_share_nothing():
    f, order = identity(80_000), random.Random(0)
    alive = {}
    for turn in range(300):
        alive[turn] = f(numbers(80_000, turn))
        while len(alive) > order.randrange(1, 12):
            alive.pop(order.choice(list(alive)))
        for first, array in alive.items():
            assert array[0] == first and array[-1] == first + 79_999
    assert len({array.ctypes.data for array in alive.values()}) == len(alive)


@pytest.mark.parametrize("size", [1, 70_000, 100_000, 131_072, 131_073, 1 << 20, 3 << 20])
@pytest.mark.parametrize("old", [70_000, 2_000_000])
def test_resizing_keeps_what_fits(old, size):
    array = identity(old)(numbers(old))
    array.resize(size, refcheck=False)
    np.testing.assert_array_equal(array[:old], numbers(min(old, size)))
    assert not array[old:].any()
    array[:] = 7
    del array
    np.testing.assert_array_equal(identity(old)(numbers(old)), numbers(old))


def test_arrays_freed_by_other_threads():
    f, wrong = identity(90_000), []

    def work(seed: int) -> None:
        for turn in range(200):
            first = seed * 1000 + turn
            array = f(numbers(90_000, first))
            shared[(seed + turn) % 4] = array  # what stood here is freed by this thread
            if (array != numbers(90_000, first)).any():
                wrong.append(first)

    shared: list[object] = [None] * 4
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_resident_set_does_not_grow():
    sizes = (70_000, 300_000, 1_100_000)
    inputs = [numbers(size) for size in sizes]
    f = identity(*sizes)
    kept = [f(*inputs) for _ in range(6)]
    kept.clear()
    before = resident()
    for _ in range(10_000):
        f(*inputs)
    for _ in range(20):
        kept += [f(*inputs) for _ in range(6)]  # more than are kept for later
        kept.clear()
    assert resident() - before < 1 << 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_is_kept_is_bounded():
    before = resident()
    for step in range(24):  # of many capacities, about 1.4 GB in all
        size = int(2 ** (19 + step / 4))
        kept = [identity(size)(numbers(size)) for _ in range(3)]
        del kept
    assert resident() - before < MOST_KEPT + (32 << 20)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_of_fork_has_memory_of_its_own():
    x = numbers(100_000)
    array = identity(x.size)(x)
    child = os.fork()
    if not child:
        again = identity(x.size)(x + 1)
        os._exit(int(again[0] != 1 or array[0] != 0))
    again = identity(x.size)(x + 2)
    assert os.waitpid(child, 0)[1] == 0
    assert (array[0], again[0]) == (0, 2)


def test_arrays_may_outlive_the_interpreter():
    code = """
import sys, types
import numpy as np
import aicomp as ac
x = np.ones(1 << 20, np.float32)
sys.kept = [ac.compile(lambda x: x + 1, (x,), threads=1)(x)]
sys.kept.append(sys.kept)
np.kept = sys.kept[0].T
print(sys.kept[0].sum())
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(done.stdout) == 2 << 20
