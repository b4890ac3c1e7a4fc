"""Calling compiled programs from Python: the quick way, the checked way, both at once from many threads."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from functools import cache
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from handmade import HOST, add, counting

from aicomp.backends.cpu.aligned import aligned, aligned_empty
from aicomp.backends.cpu.codegen.llvm import Function, V
from aicomp.backends.cpu.program import Call, Copy, Program, Ref
from aicomp.backends.cpu.runtime.artefact import Artefact, compile_program
from aicomp.backends.cpu.runtime.call import CheckedCall, bind, layout_is_known
from aicomp.backends.cpu.runtime.inputs import convert
from aicomp.backends.cpu.runtime.profile import profile
from aicomp.errors import AicompError, InputTypeError, InputValueError
from aicomp.types import BFLOAT16, BOOL, FLOAT32, FLOAT64, INT8, INT32, UINT64, TensorSpec, TensorType

X = np.arange(12, dtype=np.float32).reshape(3, 4)
Y = np.full((3, 4), 0.5, np.float32)


@cache
def added() -> Artefact:
    return compile_program(add(12, shape=(3, 4)), HOST, ["x", "y"], ["sum"])


@pytest.fixture(params=["quick", "checked"], scope="module")
def call(request):
    return bind(added(), 1) if request.param == "quick" else CheckedCall(added(), 1)


def identity(*types: TensorType) -> Artefact:
    """Return a program whose outputs are copies of its inputs."""
    steps = tuple(Copy(Ref("output", n), Ref("input", n), t.nbytes) for n, t in enumerate(types))
    names = [f"x{n}" for n in range(len(types))]
    return compile_program(Program("same", types, types, (), steps, (), 0), HOST, names, names)


def through_the_arena() -> Artefact:
    """Return x + 3 on 1000 values, by way of a workspace, in parallel."""
    kind = TensorType((1000,), INT32)
    one, two = Ref("arena"), Ref("arena", offset=4096)
    hops = [(Ref("input"), one), (one, two), (two, Ref("output"))]
    steps = [Call("inc", hop, 1000, f"hop {n}", 8000) for n, hop in enumerate(hops)]
    program = counting(steps, inputs=(kind,), size=1000, arena=8192)
    return compile_program(program, HOST, ["x"], ["y"])


def test_builtin_is_used():
    assert layout_is_known()
    assert type(bind(added(), 1)) is type(len)


def test_arrays_of_an_unknown_layout_are_called_the_checked_way(monkeypatch):
    monkeypatch.setattr("aicomp.backends.cpu.runtime.call.layout_is_known", lambda: False)
    call = bind(added(), 1)
    assert type(call) is CheckedCall
    np.testing.assert_array_equal(call(X, Y), X + Y)


def test_positional_and_named(call):
    for args, named in [((X, Y), {}), ((X,), {"y": Y}), ((), {"y": Y, "x": X})]:
        out = call(*args, **named)
        np.testing.assert_array_equal(out, X + Y)
        assert (type(out), out.dtype, out.flags.c_contiguous) == (np.ndarray, FLOAT32, True)


def test_each_call_returns_a_fresh_array(call):
    one, two = call(X, Y), call(X, Y)
    assert not np.shares_memory(one, two)
    assert one.flags.owndata and one.flags.writeable


class Sub(np.ndarray):
    pass


def unaligned(array: np.ndarray) -> np.ndarray:
    view = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def read_only(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


CONVERSIONS = {
    "fortran": np.asfortranarray,
    "negative strides": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "every second": lambda a: np.repeat(a, 2, 1)[:, ::2],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "unaligned": unaligned,
    "big-endian": lambda a: a.astype(">f4"),
    "subclass": lambda a: a.view(Sub),
    "read-only": read_only,
    "list of float32": lambda a: [list(row) for row in a],
    "memory view": lambda a: memoryview(a),
}


@pytest.mark.parametrize("change", CONVERSIONS.values(), ids=CONVERSIONS)
def test_arrays_of_every_make(call, change):
    changed = change(X)
    expected = np.asarray(changed, np.float32) + Y
    for out in (call(changed, Y), call(Y, changed), call(changed, y=Y)):
        np.testing.assert_array_equal(out, expected)
        assert type(out) is np.ndarray


TYPE_ERRORS = {
    "dtype": ((X.astype(float), Y), {}, "input 'x' must be float32, got float64; pass np.asarray"),
    "big-endian double": ((X, Y.astype(">f8")), {}, "input 'y' must be float32, got >f8"),
    "complex": ((X, Y.astype(complex)), {}, "input 'y' must be float32, got complex128"),
    "list of double": ((X, Y.tolist()), {}, "input 'y' must be float32, got a list of float64"),
    "None": ((None, Y), {}, "input 'x' must be float32, got a NoneType"),
    "string": (("x", Y), {}, "input 'x' must be float32, got a str"),
    "ragged": (([[1], [1, 2]], Y), {}, "input 'x' must be an array of f32[3,4], got a list that"),
    "too many": ((X, Y, Y), {}, "add takes 2 inputs (x: f32[3,4], y: f32[3,4]), got 3"),
    "too few": ((X,), {}, "missing: y"),
    "none at all": ((), {}, "missing: x, y"),
    "twice": ((X, Y), {"y": Y}, "input 'y' of add is given twice, by position and by name"),
    "unknown": ((X,), {"z": Y}, "add has no input 'z'; it takes x: f32[3,4], y: f32[3,4]"),
}
VALUE_ERRORS = {
    "shape": ((X, Y.T), "input 'y' must have shape (3, 4), got (4, 3)"),
    "rank": ((X.ravel(), Y), "input 'x' must have rank 2 (shape (3, 4)), got rank 1 (shape (12,))"),
    "scalar": ((np.float32(1), Y), "input 'x' must have rank 2 (shape (3, 4)), got rank 0 (shape ())"),
    "empty": ((X, Y[:0]), "input 'y' must have shape (3, 4), got (0, 4)"),
}


@pytest.mark.parametrize("args, named, message", TYPE_ERRORS.values(), ids=TYPE_ERRORS)
def test_wrong_kinds(call, args, named, message):
    with pytest.raises(InputTypeError) as caught:
        call(*args, **named)
    assert message in str(caught.value)
    assert isinstance(caught.value, (AicompError, TypeError))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("args, message", VALUE_ERRORS.values(), ids=VALUE_ERRORS)
def test_wrong_shapes(call, args, message):
    with pytest.raises(InputValueError) as caught:
        call(*args)
    assert str(caught.value) == message


def test_a_prefix_of_the_shape_is_not_the_shape():
    call = bind(identity(TensorType((3,), FLOAT32)), 1)
    with pytest.raises(InputValueError, match="rank 1"):
        call(X)


SCALARS = [
    (1.5, FLOAT32, 1.5),
    (3, FLOAT64, 3.0),
    (True, INT32, 1),
    (True, BOOL, True),
    (2**64 - 1, UINT64, 2**64 - 1),
    (1e300, FLOAT32, np.inf),
    (-0.0, BFLOAT16, -0.0),
    (np.float32(2), FLOAT32, 2),
]


@pytest.mark.parametrize("value, dtype, expected", SCALARS)
def test_python_scalars_for_rank_zero(value, dtype, expected):
    out = bind(identity(TensorType((), dtype)), 1)(value)
    assert (out.shape, out.dtype) == ((), dtype)
    assert out == np.array(expected, dtype)
    assert np.signbit(out.astype(float)) == np.signbit(float(expected))


BAD_SCALARS = [
    (1.5, INT32, InputTypeError, "input 's' must be int32, got the float 1.5"),
    (1, BOOL, InputTypeError, "input 's' must be bool, got the int 1"),
    (300, INT8, InputValueError, "input 's' must be int8, which cannot hold 300"),
    (-1, UINT64, InputValueError, "input 's' must be uint64, which cannot hold -1"),
    (10**400, FLOAT32, InputValueError, "input 's' must be float32, which cannot hold 1000"),
    (1j, FLOAT32, InputTypeError, "input 's' must be float32, got a complex"),
]


@pytest.mark.parametrize("value, dtype, error, message", BAD_SCALARS)
def test_python_scalars_that_do_not_fit(value, dtype, error, message):
    with pytest.raises(error) as caught:
        convert(TensorSpec((), dtype, "s"), value)
    assert str(caught.value).startswith(message)


def test_every_dtype_and_rank_by_the_quick_way():
    values = [
        np.zeros((), np.bool_),
        np.arange(6, dtype=np.int8).reshape(1, 2, 3),
        np.arange(3, dtype=ml_dtypes.bfloat16),
        np.ones((2, 0, 3), np.float64),
        np.arange(32, dtype=np.uint64).reshape(2, 2, 2, 2, 2),
        np.array(7, np.float16),
    ]
    outs = bind(identity(*(TensorType(v.shape, v.dtype) for v in values)), 1)(*values)
    assert isinstance(outs, tuple) and len(outs) == len(values)
    for value, out in zip(values, outs, strict=True):
        assert (out.dtype, out.shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(out, value)


def test_no_inputs_and_no_outputs():
    assert bind(identity(), 1)() == ()
    with pytest.raises(InputTypeError, match="takes 0 inputs"):
        bind(identity(), 1)(X)


def test_errors_of_the_program_become_its_messages():
    check = Call("check", (Ref("input"), Ref("output"), Ref("status")), 4)
    program = counting([check], errors=("never", "value is negative"))
    call = bind(compile_program(program, HOST, ["x"], ["y"]), 1)
    assert call(np.arange(4, dtype=np.int32)).tolist() == [0, 1, 2, 3]
    with pytest.raises(InputValueError, match=r"^value is negative$"):
        call(np.array([1, -1, 1, 1], np.int32))


def test_no_memory_is_a_memory_error():
    program = counting([Call("inc", (Ref("input"), Ref("arena")), 4)], arena=1 << 60)
    with pytest.raises(MemoryError, match="workspace of counting"):
        bind(compile_program(program, HOST, ["x"], ["y"]), 1)(np.zeros(4, np.int32))


def test_many_threads_at_once():
    call, x = bind(through_the_arena(), 2), np.arange(1000, dtype=np.int32)
    wrong: list[int] = []

    def work(start: int) -> None:
        for turn in range(200):
            value = x + start * turn
            if not np.array_equal(call(value), value + 3) or call(list(value)).tolist() != (value + 3).tolist():
                wrong.append(turn)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_memory_does_not_grow():
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    call, x = bind(through_the_arena(), 2), np.arange(1000, dtype=np.int32)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def work() -> None:
        for _ in range(10_000):
            call(x)
        for _ in range(200):
            call(x=x[::-1])
            with pytest.raises(InputTypeError):
                call(x, x)

    work()
    before = resident()
    work()
    assert resident() - before < 1 << 20


def test_dropping_the_callable_frees_the_program():
    artefact = through_the_arena()
    owner = CheckedCall(artefact, 1)
    call, gone = owner.builtin(), weakref.ref(owner)
    call(np.zeros(1000, np.int32))
    del owner
    assert gone() is not None
    del call
    gc.collect()
    assert gone() is None


def test_others_run_during_a_call():
    """A kernel that waits for a store by another Python thread: it would wait for ever with the lock held."""
    code = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np
from test_call import waiting
from aicomp.backends.cpu.runtime.call import CheckedCall, bind
for call in (bind(waiting(), 1), CheckedCall(waiting(), 1)):
    flag = np.zeros(1, np.int32)
    caller = threading.Thread(target=call, args=(flag,))
    caller.start()
    flag[0] = 1
    caller.join()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def waiting() -> Artefact:
    """Return a program that returns when its int32 input is no longer zero."""
    f = Function("wait", [("ptr", "args"), ("i64", "begin"), ("i64", "end")])
    flag = f.load("ptr", f.args[0])
    f.jump("look")
    f.start("look")
    value = f.ins(f"load atomic i32, {flag} acquire, align 4", "i32")
    f.branch(f.icmp("eq", value, V("0", "i32")), "look", "done")
    f.start("done")
    f.ret()
    kind = TensorType((1,), INT32)
    program = Program("waiting", (kind,), (), (f,), (Call("wait", (Ref("input"),), 1),), (), 0)
    return compile_program(program, HOST, ["flag"], [])


def test_profile_has_a_row_a_step():
    rows = profile(through_the_arena(), [np.arange(1000, dtype=np.int32)], threads=2, runs=3)
    assert [(r.label, r.kernel, r.calls, r.nbytes) for r in rows] == [
        ("hop 0", "inc", 3, 8000),
        ("hop 1", "inc", 3, 8000),
        ("hop 2", "inc", 3, 8000),
    ]
    assert all(r.seconds > 0 for r in rows)
    copies = profile(identity(TensorType((3, 4), FLOAT32)), [X], threads=1)
    assert [(r.label, r.kernel, r.calls, r.nbytes) for r in copies] == [("copy", "memcpy", 1, 96)]


def test_profile_checks_its_inputs():
    with pytest.raises(InputTypeError, match="missing: x"):
        profile(through_the_arena(), [], threads=1)
    program = counting([Call("check", (Ref("input"), Ref("output"), Ref("status")), 4)], errors=("", "negative"))
    with pytest.raises(InputValueError, match="negative"):
        profile(compile_program(program, HOST, ["x"], ["y"]), [np.full(4, -1, np.int32)], threads=1)


def test_constants_are_aligned_once():
    plain = np.arange(10.0)[1:]
    first = aligned(plain)
    assert first.ctypes.data % 64 == 0
    np.testing.assert_array_equal(first, plain)
    assert aligned(first) is first
    assert aligned(np.asfortranarray(np.ones((3, 3)))).flags.c_contiguous
    assert aligned_empty((), FLOAT32).shape == ()
    assert aligned_empty((0, 3), BFLOAT16).shape == (0, 3)
