"""Exported executables: NumPy's files in and out, and every wrong use answered by one line."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from handmade import HOST, WEIGHTS, spec, weighted

from aicomp.backends.cpu.export.aot import Export
from aicomp.backends.cpu.export.link import write_export
from aicomp.backends.cpu.program import Copy, Program, Ref
from aicomp.types import DTYPES, TensorSpec

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")


def copies(name: str, specs: tuple[TensorSpec, ...]) -> Export:
    """Return a model whose output `NAME_out` is a copy of each input NAME."""
    types = tuple(s.type for s in specs)
    steps = tuple(Copy(Ref("output", n), Ref("input", n), t.nbytes) for n, t in enumerate(types))
    outputs = tuple(TensorSpec(s.shape, s.dtype, f"{s.name}_out") for s in specs)
    return Export(name, Program("copies", types, types, (), steps, (), 0), specs, outputs, HOST)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("exported")


EVERY = tuple(TensorSpec((2, 3), d, short) for short, d in DTYPES.items())
SHAPES = (spec("scalar"), spec("empty", 2, 0), spec("deep", 2, 1, 3, 2, 2), spec("vector", 5))


@cache
def executable(folder: Path, kind: str) -> Path:
    models = {"weighted": weighted(), "dtypes": copies("exp", EVERY), "shapes": copies("shapes", SHAPES)}
    (path,) = write_export(models[kind], folder / kind, "exe")
    return path


def run(path: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "", **environment}
    return subprocess.run([str(path), *args], capture_output=True, text=True, env=env, timeout=60)


def random(spec: TensorSpec) -> np.ndarray:
    values = np.random.default_rng(0).integers(0, 100, spec.shape)
    return np.asarray(values).astype(spec.dtype)


def saved(folder: Path, name: str, array: np.ndarray) -> str:
    np.save(folder / f"{name}.npy", array)
    return f"{name}={folder / name}.npy"


def test_reads_and_writes_numpys_files(folder):
    x = np.arange(1000, dtype=np.int32)
    path = executable(folder, "weighted")
    done = run(path, "-i", saved(folder, "x", x), "-o", f"y={folder / 'y.npy'}", "--threads", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    np.testing.assert_array_equal(np.load(folder / "y.npy"), x + 1 + WEIGHTS + 3)


@pytest.mark.parametrize("kind, specs", [("dtypes", EVERY), ("shapes", SHAPES)])
@pytest.mark.parametrize("fortran", [False, True])
def test_every_dtype_and_shape_comes_back(folder, kind, specs, fortran):
    args = []
    for s in specs:
        array = np.array(random(s), order="F" if fortran else "C")
        args += ["-i", saved(folder, s.name, array), "-o", f"{s.name}_out={folder / s.name}.out"]
    done = run(executable(folder, kind), *args)
    assert (done.returncode, done.stderr) == (0, "")
    for s in specs:
        out = np.load(folder / f"{s.name}.out")
        assert (out.shape, out.flags.c_contiguous) == (s.shape, True)
        np.testing.assert_array_equal(out.view(s.dtype), random(s))


def test_outputs_without_a_file_are_summed_up(folder):
    args = [a for s in EVERY for a in ("-i", saved(folder, s.name, random(s)))]
    lines = run(executable(folder, "dtypes"), *args).stdout.splitlines()
    for s, line in zip(EVERY, lines, strict=True):
        values = random(s).astype(float)
        first = " ".join(f"{v:.9g}" for v in values.ravel())
        expected = f"min {values.min():.9g} max {values.max():.9g} mean {values.mean():.9g} first {first}"
        assert line == f"{s.name}_out {s.dtype.name} (2, 3) {expected}"


def test_halves_are_summed_up_right(folder):
    specials = [np.inf, -np.inf, 6e-8, -0.5, 65504.0, 1.0]
    values = {
        "f16": np.array(specials, np.float16),
        "bf16": np.array(specials, np.float32).astype(ml_dtypes.bfloat16),
    }
    args = []
    for s in EVERY:
        array = values[s.name].reshape(2, 3) if s.name in values else random(s)
        args += ["-i", saved(folder, s.name, array)]
    lines = run(executable(folder, "dtypes"), *args).stdout.splitlines()
    for s, line in zip(EVERY, lines, strict=True):
        if s.name in values:
            first = [float(word) for word in line.split("first ")[1].split()]
            np.testing.assert_allclose(first, values[s.name].astype(float), rtol=1e-8)


def test_benchmark_and_help(folder):
    path = executable(folder, "weighted")
    x = saved(folder, "x", np.zeros(1000, np.int32))
    done = run(path, "-i", x, "--benchmark", "5", AICOMP_THREADS="2")
    assert done.stdout.startswith("5 runs: min ") and "median" in done.stdout and "p90" in done.stdout
    for option in ("-h", "--help"):
        done = run(path, option)
        assert done.returncode == 0
        assert "x                    int32 (1000,)" in done.stdout


USAGE = {
    "missing input": ([], "input 'x' is missing"),
    "no file": (["-i", "x"], "-i takes NAME=FILE.npy"),
    "no value": (["-i"], "-i takes NAME=FILE.npy"),
    "unknown input": (["-i", "z=1.npy"], "there is no input 'z'"),
    "unknown output": (["-o", "x=1.npy"], "there is no output 'x'"),
    "twice": (["-i", "x=1.npy", "-i", "x=2.npy"], "-i x is given twice"),
    "option": (["--fast"], "there is no option --fast"),
    "threads": (["--threads", "0"], "--threads takes a number from 1 to 1024"),
    "words": (["--benchmark", "1x"], "--benchmark takes a number"),
}


@pytest.mark.parametrize("args, message", USAGE.values(), ids=USAGE)
def test_usage_errors(folder, args, message):
    done = run(executable(folder, "weighted"), *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1


FILES = {
    "dtype": (np.zeros(1000), "has dtype <f8, but input 'x' is int32 (i4)"),
    "big-endian": (np.zeros(1000, ">i4"), "is big-endian (>i4); save it little-endian"),
    "shape": (np.zeros((10, 100), np.int32), "has shape (10, 100), but input 'x' is (1000,)"),
    "size": (np.zeros(999, np.int32), "has shape (999,), but input 'x' is (1000,)"),
    "rank 0": (np.zeros((), np.int32), "has shape (), but input 'x' is (1000,)"),
    "records": (np.zeros(1000, [("a", np.int32)]), "holds records, but input 'x' is int32"),
    "text": (b"1,2,3\n4,5,6\n", "is not a .npy file"),
    "empty": (b"", "is not a .npy file"),
    "header only": (b"\x93NUMPY\x01\x00\x76\x00{'descr'", "is truncated in its header"),
    "huge header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "has a header of 4294967295 bytes"),
    "odd header": (b"\x93NUMPY\x01\x00\x03\x00{ }", "the .npy header has no descr"),
}


@pytest.mark.parametrize("content, message", FILES.values(), ids=FILES)
def test_wrong_files(folder, content, message):
    path = folder / "wrong.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    done = run(executable(folder, "weighted"), "-i", f"x={path}")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"wrong.npy: {message}" in done.stderr and done.stderr.count("\n") == 1


def test_truncated_at_every_length(folder):
    np.save(folder / "whole.npy", np.zeros(1000, np.int32))
    whole, path = (folder / "whole.npy").read_bytes(), folder / "cut.npy"
    for length in (*range(0, 140, 7), 2000, len(whole) - 1):
        path.write_bytes(whole[:length])
        done = run(executable(folder, "weighted"), "-i", f"x={path}")
        assert (done.returncode, done.stdout) == (1, "")
        assert "is truncated" in done.stderr or "is not a .npy file" in done.stderr


def test_files_that_cannot_be_opened(folder):
    path, x = executable(folder, "weighted"), saved(folder, "x", np.zeros(1000, np.int32))
    done = run(path, "-i", "x=nowhere/x.npy")
    assert (done.returncode, "nowhere/x.npy: No such file" in done.stderr) == (1, True)
    done = run(path, "-i", x, "-o", "y=nowhere/y.npy")
    assert (done.returncode, "nowhere/y.npy: No such file" in done.stderr) == (1, True)
    if os.path.exists("/dev/full"):
        done = run(path, "-i", x, "-o", "y=/dev/full")
        assert (done.returncode, "/dev/full: No space left" in done.stderr) == (1, True)


def test_errors_of_the_model(folder):
    x = saved(folder, "x", np.full(1000, -(10**6), np.int32))
    done = run(executable(folder, "weighted"), "-i", x)
    assert (done.returncode, done.stderr.endswith("below zero\n")) == (1, True)


def test_main_program_compiles_without_warnings(folder, monkeypatch):
    monkeypatch.setenv("CC", "cc -Wall -Wextra -Werror -std=c11")
    for export in (copies("clean", EVERY), copies("none", ())):
        (path,) = write_export(export, folder / export.name, "exe")
        assert path.stat().st_mode & 0o100
    assert run(folder / "none").returncode == 0
