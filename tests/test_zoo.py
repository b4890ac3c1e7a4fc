"""Every model of the zoo: its graphs survive the trip to text and back at every stage, and its outputs are right."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from aicomp.cli.agree import compare
from aicomp.cli.feeds import load_inputs
from aicomp.compiler import compile, import_graph, pipeline
from aicomp.interpreter import interpret
from aicomp.ir import Graph
from aicomp.observe import Stage
from aicomp.options import Options
from aicomp.parse import parse_graph
from aicomp.text import large_constants, print_graph

ZOO = Path(__file__).parents[1] / "benchmarks" / "models"
MODELS = sorted(path.stem for path in ZOO.glob("[a-z]*.py"))
OUTPUTS = {
    "lenet5": (1, 10),
    "lstm": (1, 64, 512),
    "mlp": (64, 10),
    "mobilenetv2": (1, 1000),
    "resnet18": (1, 1000),
    "resnet50": (1, 1000),
    "transformer_decoder": (1, 64, 1000),
    "transformer_encoder": (1, 128, 256),
}


@cache
def traced(name: str) -> Graph:
    return import_graph(f"{ZOO / name}.py:model")


def test_the_zoo_is_complete() -> None:
    assert sorted(OUTPUTS) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_those_of_the_interpreter(name: str) -> None:
    exe = compile(traced(name))
    (spec,) = exe.output_specs
    assert spec.shape == OUTPUTS[name]
    arrays = load_inputs(exe.input_specs, {}, "random", seed=0)
    (expected,) = interpret(traced(name), arrays)
    assert np.std(expected) > 1e-3, "an output that says nothing tests nothing"
    assert [finding.breach for finding in compare([spec], [expected], [exe(*arrays)])] == [""]


@pytest.mark.parametrize("name", MODELS)
def test_text_round_trips_at_every_stage(name: str) -> None:
    def check(graph: Graph) -> None:
        text = print_graph(graph)
        assert print_graph(parse_graph(text, large_constants(graph))) == text

    def observe(stage: Stage) -> None:
        if stage.after is not stage.before:
            check(stage.after)

    check(traced(name))
    pipeline("cpu", Options()).run(traced(name), observers=[observe])
