"""The same bits from every call: with any number of workers, from several threads at once, and after many calls."""

import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import aicomp as ac
from aicomp import ops

RNG = np.random.default_rng(0)
CALLERS, CALLS = 8, 1000


def normal(*shape):
    """Return standard normal numbers."""
    return RNG.standard_normal(shape).astype(np.float32)


def network(x, w):
    """A convolution, pooling, a reduction and a softmax."""
    y = ops.max_pool(ops.relu(ops.conv(x, w, padding=1)), window=2)
    return ops.softmax(y.mean((2, 3))), y


LARGE = {  # with enough work for several tasks each
    "sum of everything": (lambda x: x.sum(), [normal(1000, 700)]),
    "sums of rows": (lambda x: (x.sum(1), (x * x).mean(1), x.argmax(1)), [normal(2000, 130)]),
    "sums of columns": (lambda x: (x.sum(0), x.max(0)), [normal(700, 1030)]),
    "map": (lambda x, y: np.tanh(x) * y + np.exp(-x), [normal(300, 1001), normal(300, 1001)]),
    "softmax": (lambda x: ops.softmax(x), [normal(1500, 257)]),
    "normalise": (lambda x: ops.layer_norm(x), [normal(40, 30, 129)]),
    "matmul": (lambda x, y: ops.relu(x @ y + 1), [normal(301, 402), normal(402, 203)]),
    "long matmul": (lambda x, y: x @ y, [normal(7, 30000), normal(30000, 5)]),
    "batches": (lambda x, y: x @ y, [normal(60, 33, 40), normal(60, 40, 35)]),
    "convolution": (network, [normal(2, 16, 40, 41), normal(32, 16, 3, 3)]),
    "attention": (lambda q, k: ops.attention(q, k, k, causal=True), [normal(4, 8, 65, 32), normal(4, 8, 65, 32)]),
    "movement": (lambda x: (x.T + 1, x[::-1, ::2] * 2, np.pad(x, 3)), [normal(801, 602)]),
    "order": (lambda x: (ops.argsort(x, axis=1), ops.cumsum(x, axis=1), ops.cumsum(x, axis=0)), [normal(300, 301)]),
}


def same(results, others):
    """Assert equal bits."""
    for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (results, others)), strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", LARGE)
def test_threads_change_no_bit(name):
    function, arrays = LARGE[name]
    first = ac.compile(function, arrays, threads=1)(*arrays)
    for threads in (2, 3):
        executable = ac.compile(function, arrays, threads=threads)
        for _ in range(3):
            same(executable(*arrays), first)


@pytest.mark.parametrize("threads", [1, 2])
def test_callers_at_once_agree(threads):
    arrays = normal(1, 3, 12, 13), normal(8, 3, 3, 3)
    executable = ac.compile(network, arrays, threads=threads)
    inputs = [(normal(1, 3, 12, 13), arrays[1]) for _ in range(CALLERS)]
    wanted = [executable(*each) for each in inputs]

    def call(number):
        for _ in range(CALLS):
            same(executable(*inputs[number]), wanted[number])

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(call, range(CALLERS)))


@pytest.mark.parametrize("threads", [1, 2])
def test_many_calls_take_no_memory(threads):
    arrays = normal(1, 3, 12, 13), normal(8, 3, 3, 3)
    executable = ac.compile(network, arrays, threads=threads)
    bad = np.zeros((1, 3, 12, 12), np.float32)

    def calls(count):
        for i in range(count):
            executable(*arrays)
            executable(arrays[0][..., ::-1], w=arrays[1])
            if i % 10 == 0:
                with pytest.raises(ValueError, match="x"):
                    executable(bad, arrays[1])

    calls(500)
    before = memory()
    calls(10000)
    assert memory() - before < 1 << 20


def memory():
    """Return the bytes of memory this process holds."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
