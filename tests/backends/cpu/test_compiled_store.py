"""Compiled programs in files: they run as before, and every damage is one clear error."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from handmade import HOST, WEIGHTS, weighted

from aicomp.backends.cpu.program import Branch, Call, Copy, Ref, Repeat
from aicomp.backends.cpu.runtime.artefact import Artefact, compile_program
from aicomp.backends.cpu.runtime.call import bind
from aicomp.backends.cpu.runtime.profile import profile
from aicomp.backends.cpu.runtime.step_json import plain, steps_of
from aicomp.backends.cpu.runtime.store import MAGIC, START, is_compiled, load, save
from aicomp.errors import AicompError, InputValueError, ParseError
from aicomp.types import BFLOAT16

X = np.arange(1000, dtype=np.int32)


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    constants = (*weighted().program.constants, np.zeros((0, 3)), np.ones((2, 2), BFLOAT16).T, np.array(True))
    program = replace(weighted().program, constants=constants)
    return compile_program(program, HOST, ["x"], ["y"], {"ir": "line\nline é"})


@pytest.fixture
def path(artefact, tmp_path) -> Path:
    save(artefact, tmp_path / "model.aicx")
    return tmp_path / "model.aicx"


def test_comes_back_as_it_was(artefact, path):
    assert is_compiled(path)
    back = load(path, HOST)
    for name in ("name", "machine", "inputs", "outputs", "objects", "arena_bytes", "errors", "steps", "texts"):
        assert getattr(back, name) == getattr(artefact, name)
    for new, old in zip(back.constants, artefact.constants, strict=True):
        assert (new.dtype, new.shape) == (old.dtype, old.shape)
        np.testing.assert_array_equal(new, old)
        assert new.ctypes.data % 64 == 0
        assert not new.flags.writeable
    np.testing.assert_array_equal(bind(back, 2)(X), X + 1 + WEIGHTS + 3)
    with pytest.raises(InputValueError, match="below zero"):
        bind(back, 1)(X - 10**6)
    assert [row.calls for row in profile(back, [X], 1)] == [1] * 4


def test_runs_in_a_new_process(path):
    code = f"""
from pathlib import Path
import numpy as np
from aicomp.backends.cpu.runtime.call import bind
from aicomp.backends.cpu.machine import Machine
from aicomp.backends.cpu.runtime.store import load
print(bind(load(Path({str(path)!r}), Machine.host()), 2)(np.arange(1000, dtype=np.int32)).sum())
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) == (X + 1 + WEIGHTS + 3).sum()


def test_saving_replaces_at_once_and_leaves_nothing_else(artefact, path):
    save(artefact, path)
    before = load(path, HOST)
    save(replace(artefact, name="other"), path)
    np.testing.assert_array_equal(before.constants[0], WEIGHTS)
    assert load(path, HOST).name == "other"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with pytest.raises(AicompError, match=r"cannot write .*nowhere"):
        save(artefact, path.parent / "nowhere" / "model")


def test_every_truncation_is_refused(path):
    image = path.read_bytes()
    for length in (*range(0, START + 70, 3), len(image) // 2, len(image) - 1):
        path.write_bytes(image[:length])
        with pytest.raises(ParseError, match=r"is not a compiled model|is damaged"):
            load(path, HOST)


def test_every_changed_byte_is_refused(path):
    image = bytearray(path.read_bytes())
    for at in range(0, len(image), max(1, len(image) // 60)):
        image[at] ^= 0x20
        path.write_bytes(image)
        with pytest.raises(ParseError, match=r"is not a compiled model|is damaged"):
            load(path, HOST)
        image[at] ^= 0x20


def test_files_that_are_something_else(tmp_path):
    for content in (b"", b"AICOMP", b"\x93NUMPY" * 100):
        (tmp_path / "file").write_bytes(content)
        assert not is_compiled(tmp_path / "file")
        with pytest.raises(ParseError, match="is not a compiled model"):
            load(tmp_path / "file", HOST)
    for missing in (tmp_path / "none", tmp_path):
        assert not is_compiled(missing)
        with pytest.raises(AicompError, match="cannot read"):
            load(missing, HOST)


def rewritten(path: Path, **changes: object) -> None:
    """Change the header of a file, and give it the digest that belongs to it."""
    image = path.read_bytes()
    (size,) = struct.unpack("<Q", image[START - 8 : START])
    header = json.loads(image[START : START + size]) | changes
    text = json.dumps({k: v for k, v in header.items() if v is not ...}).encode()
    rest = struct.pack("<Q", len(text)) + text + image[START + size :]
    path.write_bytes(MAGIC + hashlib.sha256(rest).digest() + rest)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ...},
        {"steps": [["call"]]},
        {"steps": [["jump"]]},
        {"steps": 5},
        {"machine": {"cpu": "z80"}},
        {"inputs": [["x", "f99[2]"]]},
        {"inputs": [["x"]]},
        {"constants": ["f32[1000000000]"]},
        {"objects": ["long"]},
    ],
)
def test_headers_that_make_no_sense(path, changes):
    rewritten(path, **changes)
    with pytest.raises(AicompError):
        load(path, HOST)


def test_other_formats_and_machines(path, artefact):
    rewritten(path, format=99)
    with pytest.raises(ParseError, match=r"has format 99, and this aicomp .* reads format 1"):
        load(path, HOST)
    save(replace(artefact, machine=replace(HOST, cpu="znver9", features="+avx1024,+fma9")), path)
    with pytest.raises(AicompError, match=r"compiled for a znver9 and needs .*avx1024, .*fma9.* lacks"):
        load(path, HOST)
    save(replace(artefact, machine=replace(HOST, triple="riscv64-unknown-linux-gnu")), path)
    with pytest.raises(AicompError, match="was compiled for riscv64-unknown-linux-gnu, and this is"):
        load(path, HOST)
    save(replace(artefact, machine=replace(HOST, features="")), path)
    assert load(path, HOST)


def test_steps_of_all_kinds():
    ref = Ref("arena", 0, 64, ((3, 8), (4, -16)))
    steps = (
        Call("k", (ref, Ref("status")), 5, "label", 100),
        Repeat(3, (Copy(ref, ref, 8),), count=4, reverse=True),
        Repeat(4, (Repeat(5, (), count=0),), condition=ref, head=(Copy(ref, ref, 1),)),
        Branch(ref, (Copy(ref, ref, 2),), ()),
    )
    assert steps_of(json.loads(json.dumps(plain(steps)))) == steps
