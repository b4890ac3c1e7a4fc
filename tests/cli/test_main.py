"""Every verb on a small model, from arguments to exit code."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aicomp.cli import main
from aicomp.cli.models import compile_model
from aicomp.compiler import Executable, import_graph
from aicomp.ir import Graph

MODEL = """
import numpy as np
import aicomp as ac

example_inputs = (ac.TensorSpec((4, 8)), ac.TensorSpec((8, 3)))

def model(x, w):
    y = np.tanh(x @ w + 1)
    return y / np.sum(y, axis=1, keepdims=True)

def wrong(x, w):
    return model(x, w) * 1.01

def nested(params, x):
    return {"sum": x + params["w"], "product": [x * params["b"][0]]}

nested.example_inputs = ({"w": ac.TensorSpec(3), "b": [ac.TensorSpec(3)]}, ac.TensorSpec(3))
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(MODEL)
    Path("bare.py").write_text("def bare(x):\n    return x * 2\n")
    return "net.py:model"


def reference(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    y = np.tanh(x @ w + 1)
    return y / y.sum(axis=1, keepdims=True)


def test_run_reads_and_writes_arrays(model: str) -> None:
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((4, 8), np.float32), rng.standard_normal((8, 3), np.float32)
    np.save("x.npy", x)
    np.save("w.npy", w)
    assert main(["run", model, "-i", "x=@x.npy", "-i", "w=@w.npy", "-o", "output=@y.npy"]) == 0
    assert np.allclose(np.load("y.npy"), reference(x, w), rtol=1e-4)


def test_run_prints_a_summary_of_outputs(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", model, "--fill", "ones", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["type"] == "f32[4,3]"
    assert float(row["mean"]) == pytest.approx(1 / 3, rel=1e-5)


def test_run_takes_nested_inputs_and_outputs(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "net.py:nested", "--fill", "ones", "--json"]) == 0
    rows = {row["output"]: float(row["mean"]) for row in json.loads(capsys.readouterr().out)}
    assert sorted(rows.values()) == [1, 2]


def test_a_shape_stands_in_for_example_inputs(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "bare.py:bare", "--shape", "x=f64[5]", "--fill", "ones"]) == 0
    assert "f64[5]" in capsys.readouterr().out


def test_an_artefact_runs_as_its_model_does(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", model, "-o", "net.aicx"]) == 0
    assert main(["run", "net.aicx", "-o", "output=@a.npy"]) == 0
    assert main(["run", model, "-o", "output=@b.npy"]) == 0
    assert np.array_equal(np.load("a.npy"), np.load("b.npy"))


@pytest.mark.parametrize(("form", "word"), [("ir", "graph model("), ("llvm", "define"), ("asm", ".text")])
def test_compile_prints_text(model: str, form: str, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", model, "--emit", form, "-o", "-"]) == 0
    assert word in capsys.readouterr().out


def test_emitted_graphs_run_again(model: str) -> None:
    assert main(["compile", model, "--emit", "ir", "-o", "net.aic"]) == 0
    assert main(["verify", "net.aic", "--against", "interpreter"]) == 0


@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="needs a C compiler")
def test_a_program_runs_outside_python(model: str) -> None:
    assert main(["compile", model, "--emit", "exe", "-o", "net"]) == 0
    x, w = np.ones((4, 8), np.float32), np.ones((8, 3), np.float32)
    np.save("x.npy", x)
    np.save("w.npy", w)
    subprocess.run(["./net", "-i", "x=x.npy", "-i", "w=w.npy", "-o", "output=y.npy"], check=True)
    assert np.allclose(np.load("y.npy"), reference(x, w), rtol=1e-4)


def test_bench_compares_and_reports(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", model, "--iterations", "5", "--json", "result.json", "--profile"]) == 0
    result = json.loads(Path("result.json").read_text())
    assert result["model"]["calls"] == result["baseline"]["calls"] == 5
    assert result["model"]["kernels"] < result["baseline"]["kernels"]
    assert result["model"]["bytes_moved"] < result["baseline"]["bytes_moved"]
    assert result["ratio"]["low"] <= result["ratio"]["value"] <= result["ratio"]["high"]
    assert result["profile"]
    out = capsys.readouterr().out
    assert "outputs agree" in out and "p90" in out


def test_bench_prints_json_alone_on_stdout(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", model, "--iterations", "2", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"][0]["breach"] == ""


def test_bench_measures_nothing_where_outputs_differ(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compile_another(args: argparse.Namespace, graph: Graph) -> Executable:
        return compile_model(args, graph if args.opt_level else import_graph("net.py:wrong"))

    monkeypatch.setattr("aicomp.cli.bench.compile_model", compile_another)
    assert main(["bench", model, "--iterations", "1", "--json", "result.json"]) == 3
    captured = capsys.readouterr()
    assert "off by" in captured.out and "disagree" in captured.err
    assert not Path("result.json").exists()


def test_inspect_shows_each_stage(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", model, "--stage", "import"]) == 0
    assert " = tanh(" in capsys.readouterr().out
    assert main(["inspect", model]) == 0
    assert "fusion(" in capsys.readouterr().out
    assert main(["inspect", model, "--stage", "lower"]) == 0
    assert "define" in capsys.readouterr().out


def test_inspect_shows_what_passes_do(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", model, "--print-ir-after-all", "--dump-dir", "stages"]) == 0
    out = capsys.readouterr().out
    assert out.count("# after ") == out.count("graph model(") > 3
    assert len(list(Path("stages").glob("*.aic"))) == out.count("# after ") + 1
    assert main(["inspect", model, "--print-ir-diff"]) == 0
    assert "+++ fuse" in capsys.readouterr().out


def test_inspect_speaks_json(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", model, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"stage", "passes", "kernels", "bytes_moved", "graph"} <= set(facts)
    assert facts["graph"]["inputs"][0] == {"name": "%x", "type": "f32[4,8]"}
    regions = [region for node in facts["graph"]["nodes"] for region in node["regions"]]
    assert any(node["op"] == "tanh" for region in regions for node in region["nodes"])


def test_opt_runs_the_passes_named(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["compile", model, "-O0", "--emit", "ir", "-o", "net.aic"])
    assert main(["opt", "net.aic", "--passes", "fold_constants{max_bytes=64}, fuse", "--verify-each"]) == 0
    captured = capsys.readouterr()
    assert "fusion(" in captured.out
    assert "fold_constants" in captured.err


def test_verify_agrees_with_the_interpreter(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", model, "--against", "interpreter", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["breach"] == ""


def test_verify_exits_with_3_where_outputs_differ(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aicomp.cli.verify.interpret", lambda graph, arrays: [np.zeros((4, 3), np.float32)])
    assert main(["verify", model, "--rtol", "1e-3"]) == 3


@pytest.mark.parametrize(("what", "word"), [("ops", "softmax"), ("passes", "fuse"), ("targets", "cpu")])
def test_list(what: str, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what]) == 0
    assert word in capsys.readouterr().out
    assert main(["list", what, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_doctor_passes_its_own_test(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["smoke test"].startswith("passed") and "numpy" in facts


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("run missing.py:model", "no file missing.py"),
        ("run missing.aic", "missing.aic"),
        ("run net.py:absent", "absent"),
        ("run bare.py:bare", "example_inputs"),
        ("run net.py:model -i z=@x.npy", "no input 'z'; it has x, w"),
        ("run net.py:model -o z=@x.npy", "no output 'z'; it has output"),
        ("run net.py:model -i x=@absent.npy", "absent.npy"),
        ("run net.py:model --shape x=f32[4", "--shape x=f32[4"),
        ("run net.py:model --target systolic", "no backend 'systolic'; installed are cpu"),
        ("run net.py:model --set rows=8", "rows"),
        ("run net.py:model --disable-pass fusee", "fusee"),
        ("compile net.py:model --emit isa -o -", "isa"),
        ("compile net.py:model -o nowhere/net.aicx", "nowhere"),
        ("bench net.py:model --baseline=-O9", "-O9"),
        ("bench net.py:model --baseline=--json", "--json"),
        ("opt net.py:model --passes fold,fuse", "no pass 'fold'"),
        ("verify net.py:model --against onnxruntime", "onnx"),
    ],
)
def test_user_errors_are_one_message_and_exit_code_1(
    model: str, line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 1
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert captured.err.count("aicomp: ") == 1


def test_an_interrupt_ends_a_command_with_one_line(model: str) -> None:
    Path("slow.py").write_text(
        "import time\nexample_inputs = ()\ndef model():\n    print('traced', flush=True)\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "aicomp", "run", "slow.py:model"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "traced\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == "aicomp: interrupted\n"


def test_a_reader_that_leaves_is_no_error(model: str) -> None:
    command = f"{sys.executable} -m aicomp list ops | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=os.environ)
    assert done.stderr == "" and done.stdout.startswith("op")
