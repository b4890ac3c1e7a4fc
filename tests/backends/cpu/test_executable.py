"""Executables in files: in a new process they run, show, profile and save themselves, and hold weights once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import aicomp as ac
from aicomp.errors import InputValueError, UnsupportedError

rng = np.random.default_rng(0)
WEIGHTS = [rng.standard_normal(shape, np.float32) for shape in ((1024, 1024), (1024, 12))]
BIAS = rng.standard_normal(1024, np.float32)
X = rng.standard_normal((8, 1024), np.float32)


def mlp(x):
    hidden = np.maximum(x @ WEIGHTS[0] + BIAS, 0)
    return {"scores": hidden @ WEIGHTS[1], "hidden": hidden}


@pytest.fixture(scope="module")
def compiled():
    return ac.compile(mlp, (X,), threads=1)


@pytest.fixture(scope="module")
def path(compiled, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "mlp.aicx"
    compiled.save(path)
    return path


def test_a_new_process_runs_it_without_compiling(compiled, path):
    code = f"""
import sys
import numpy as np
import aicomp as ac
exe = ac.load({str(path)!r}, threads=1)
out = exe(np.frombuffer(sys.stdin.buffer.read(), np.float32).reshape(8, 1024))
sys.stdout.buffer.write(out["scores"].tobytes() + out["hidden"].tobytes())
"""
    done = subprocess.run([sys.executable, "-c", code], input=X.tobytes(), check=True, capture_output=True)
    out = compiled(X)
    assert done.stdout == out["scores"].tobytes() + out["hidden"].tobytes()


def test_shows_itself_as_before(compiled, path, tmp_path):
    loaded = ac.load(path, threads=1)
    assert (loaded.input_specs, loaded.output_specs) == (compiled.input_specs, compiled.output_specs)
    assert loaded.as_text("ir") == compiled.as_text("ir")
    assert "(sha256:" in loaded.as_text("ir")
    assert [row.label for row in loaded.profile(X)] == [row.label for row in compiled.profile(X)]
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_holds_weights_once(path):
    weights = sum(array.nbytes for array in (*WEIGHTS, BIAS))
    assert weights < path.stat().st_size < 1.02 * weights + 50_000


def test_its_graph_cannot_stand_for_the_model(path, tmp_path):
    graph = ac.load(path).graph
    for use in (lambda: ac.compile(graph), lambda: ac.interpret(graph, [X]), lambda: ac.save(graph, "x")):
        with pytest.raises(UnsupportedError, match=r"values of constant f32\[1024,1024\] sha256:.* are not here"):
            use()


@pytest.mark.parametrize("function", [lambda x: x * BIAS, lambda x: x / BIAS, lambda x: x[:, BIAS.astype(int)]])
@pytest.mark.parametrize("level", [0, 2])
def test_nor_that_of_any_other_model_at_any_level(function, level, tmp_path):
    ac.compile(function, (X,), threads=1, opt_level=level).save(tmp_path / "model.aicx")
    with pytest.raises(UnsupportedError, match="values of constant"):
        ac.compile(ac.load(tmp_path / "model.aicx").graph)


def test_wrong_kinds_of_export_and_text(compiled, path):
    with pytest.raises(InputValueError, match="emit is one of obj, lib, exe, got 'dll'"):
        compiled.export("x", "dll")
    with pytest.raises(InputValueError, match="no 'isa' text; it has ir, llvm, asm"):
        compiled.as_text("isa")
    with pytest.raises(UnsupportedError, match="holds machine code only"):
        ac.load(path).as_text("llvm")


def test_weights_that_are_read_twice():
    w = rng.standard_normal((8, 8), np.float32)
    exe = ac.compile(lambda x: (x @ w + w, w @ w), (w,), threads=1)
    np.testing.assert_allclose(exe(X[:8, :8].copy())[0], X[:8, :8] @ w + w, rtol=1e-5)


def test_nested_inputs_may_have_their_keys_in_any_order():
    exe = ac.compile(lambda p: p["a"] - p["b"][0], ({"a": X, "b": [X]},))
    assert (exe({"b": [X], "a": X * 2}) == X).all()
