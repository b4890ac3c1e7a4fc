"""The grammar: verbs, flags, usage errors, and help that is instant."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aicomp.cli.parser import VERBS, build_parser


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        build_parser().parse_args([verb, "-h"])
    assert stop.value.code == 0
    assert f"example:\n  aicomp {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        "",
        "fly",
        "compile m.aic",
        "compile m.aic -o x --emit wasm",
        "run m.aic -i x",
        "run m.aic -i x=x.npy",
        "run m.aic -O7",
        "bench m.aic --iterations 3 --duration 2",
        "verify m.aic --against oracle",
        "list things",
        "opt m.aic",
    ],
)
def test_bad_usage_exits_with_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        build_parser().parse_args(line.split())
    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_flags_mean_what_the_help_says() -> None:
    line = "run m.aic -i x=@a=b.npy --fill ones -O3 --set rows=8 --set arch=tpu_v1 --disable-pass fuse"
    args = build_parser().parse_args(line.split())
    assert args.inputs == [("x", "a=b.npy")]
    assert args.set == [("rows", 8), ("arch", "tpu_v1")]
    assert (args.fill, args.opt_level, args.disable_pass) == ("ones", 3, ["fuse"])


def test_the_baseline_takes_a_value_that_starts_with_a_dash() -> None:
    assert build_parser().parse_args(["bench", "m", "--baseline=-O1 --threads 1"]).baseline == "-O1 --threads 1"


def test_help_loads_nothing_that_takes_time() -> None:
    script = (
        "import sys; sys.argv = ['aicomp', '-h']\n"
        "from aicomp.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'llvmlite', 'networkx', 'rich', 'aicomp.ir'} & set(sys.modules)\n"
        "sys.exit(f'help imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
