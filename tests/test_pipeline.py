"""Pipelines: what runs, what is reported, and what is caught when a pass is wrong."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.contract import Contract
from aicomp.errors import AicompError, GraphError, InputTypeError, InputValueError
from aicomp.graph_pass import graph_pass, parse_passes
from aicomp.ir import Graph, Value
from aicomp.observe import diff, random_inputs
from aicomp.ops.composite import region
from aicomp.options import Options
from aicomp.parse import parse_graph
from aicomp.passes import PASSES, STANDARD
from aicomp.pipeline import Pipeline, count_nodes
from aicomp.rebuild import substitute
from aicomp.text import print_graph
from aicomp.types import FLOAT32, INT64, TensorType


def graph():
    x = Value(TensorType((2, 3), FLOAT32), name="x")
    return Graph.build("model", [x], [ops.softmax(ops.multiply(x, ops.exp(x)))], ["y"])


@graph_pass(Contract.EXACT)
def idle(graph: Graph, *, level: int = 1, name: str = "a") -> Graph:
    """Do nothing."""
    return graph


def replace_exp(graph, function):
    def visit(node, current):
        return (function(current.inputs[0]),) if node.op.name == "exp" else current.outputs

    return substitute(graph, visit, lambda region: region)


@graph_pass(Contract.EXACT)
def wrong(graph: Graph) -> Graph:
    return replace_exp(graph, ops.tanh)


@graph_pass(Contract.REASSOCIATES)
def close(graph: Graph) -> Graph:
    return replace_exp(graph, lambda x: ops.reciprocal(ops.exp(ops.negative(x))))


@graph_pass(Contract.EXACT)
def failing(graph: Graph) -> Graph:
    raise GraphError("something is off")


def test_passes_are_declared_by_their_signature():
    assert (idle.name, idle.doc, dict(idle.options)) == ("idle", "Do nothing.", {"level": 1, "name": "a"})
    assert str(idle) == "idle{level=1,name='a'}"
    assert str(idle.configure(level=3)) == "idle{level=3,name='a'}"
    assert str(wrong) == "wrong"
    g = graph()
    assert idle(g, level=2) is g
    assert idle.run(g) is g


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 1}, "no option 'depth' .it has level, name"),
        ({"level": "x"}, "of type int"),
        ({"level": True}, "int"),
    ],
)
def test_bad_options_of_a_pass(options, message):
    with pytest.raises(InputValueError, match=message):
        idle.configure(**options)


def test_passes_are_parsed_from_what_they_print():
    known = {"idle": idle, "wrong": wrong}
    parsed = parse_passes(" wrong , idle{level=3, name='b,c'}, idle{name=plain},", known)
    assert [str(step) for step in parsed] == ["wrong", "idle{level=3,name='b,c'}", "idle{level=1,name='plain'}"]
    assert parse_passes(str(Pipeline(parsed)), known) == parsed


@pytest.mark.parametrize("text", ["nothing", "idle{", "idle{level}", "idle{depth=1}", "idle idle", "wrong{level=1}"])
def test_what_is_no_pass_is_refused_with_what_is_known(text):
    with pytest.raises(InputValueError, match=r"idle, wrong|option"):
        parse_passes(text, {"idle": idle, "wrong": wrong})


def test_a_run_reports_each_pass():
    result = Pipeline(STANDARD).run(graph())
    assert [row.name.partition("{")[0] for row in result.rows] == [step.name for step in STANDARD]
    assert result.rows[0].nodes_before == 3
    assert result.rows[-1].nodes_after == count_nodes(result.graph)
    assert all(row.seconds >= 0 for row in result.rows)


def test_options_leave_passes_out():
    pipeline = Pipeline((idle, wrong, close))
    assert pipeline.select(Options(disable_passes=("wrong",))).passes == (idle, close)
    assert pipeline.select(Options(exact=True)).passes == (idle, wrong)
    with pytest.raises(InputValueError, match="no pass 'fuse' to disable; the passes are close, idle, wrong"):
        pipeline.run(graph(), Options(disable_passes=["fuse"]))


def test_errors_list_the_passes_that_ran():
    with pytest.raises(
        GraphError, match=r"something is off\n  in pass failing; passes that ran before: idle\{.*\}, close"
    ):
        Pipeline((idle, close, failing)).run(graph())
    with pytest.raises(GraphError, match="passes that ran before: none"):
        Pipeline((failing,)).run(graph())


def test_verify_catches_a_wrong_pass_and_passes_a_right_one():
    g = graph()
    Pipeline((*STANDARD, close)).run(g, Options(verify=True))
    with pytest.raises(
        GraphError, match="output 0 breaks the contract 'exact': 6 of 6 elements differ\n  in pass wrong"
    ):
        Pipeline((idle, wrong)).run(g, Options(verify=True))
    assert Pipeline((wrong,)).run(g).graph is not g


def test_verify_holds_a_pass_to_its_own_contract():
    exact = graph_pass(Contract.EXACT)(close.function)
    with pytest.raises(GraphError, match="breaks the contract 'exact'"):
        Pipeline((exact,)).run(graph(), Options(verify=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: Graph.build("g", g.inputs, [ops.cast(g.outputs[0], dtype="f64")]), "became float64"),
        (lambda g: Graph.build("g", [*g.inputs, Value(TensorType((), FLOAT32))], g.outputs), "types of the inputs"),
        (lambda g: Graph("g", g.inputs, (), g.outputs), "outputs-available"),
    ],
)
def test_verify_catches_a_changed_interface_and_broken_invariants(change, message):
    with pytest.raises(GraphError, match=message):
        Pipeline((graph_pass(Contract.EXACT)(change),)).run(graph(), Options(verify=True))


def test_dumps_are_numbered_and_parse(tmp_path):
    Pipeline((PASSES["decompose"], PASSES["cse"])).run(graph(), Options(dump_dir=tmp_path / "stages"))
    files = sorted((tmp_path / "stages").iterdir())
    assert [file.name for file in files] == ["00_input.aic", "01_decompose.aic", "02_cse.aic"]
    assert print_graph(parse_graph(files[0].read_text())) == print_graph(graph())


def test_observers_see_every_stage_and_diffs_show_the_change():
    stages = []
    Pipeline((idle, PASSES["decompose"])).run(graph(), observers=[stages.append])
    assert [stage.step.name for stage in stages] == ["idle", "decompose"]
    assert stages[0].after is stages[1].before
    assert diff(stages[0]) == ""
    lines = diff(stages[1]).splitlines()
    assert lines[:2] == ["--- before", "+++ decompose"]
    assert any(line.startswith("-") and "softmax" in line for line in lines)
    assert any(line.startswith("+") and "divide" in line for line in lines)


def test_random_inputs_are_of_the_inputs_types():
    inputs = [Value(TensorType((3,), INT64)), Value(TensorType((2, 0), FLOAT32)), Value(TensorType((), np.dtype(bool)))]
    arrays = random_inputs(Graph("g", tuple(inputs), (), ()))
    assert [(a.shape, a.dtype) for a in arrays] == [(v.shape, v.dtype) for v in inputs]


def test_nodes_of_regions_count():
    x = Value(TensorType((), FLOAT32))
    fused = ops.fusion(x, regions=[region(lambda s: s * s + s, [x.type])])
    assert count_nodes(Graph.build("g", [x], [fused])) == 3


@pytest.mark.parametrize(
    ("contract", "before", "after", "message"),
    [
        (Contract.EXACT, [0.0, np.nan], [0.0, -np.nan], ""),
        (Contract.EXACT, [0.0], [-0.0], "1 of 1 elements differ"),
        (Contract.REASSOCIATES, [0.0, 1.0], [-0.0, 1.0 + 1e-12], ""),
        (Contract.REASSOCIATES, [1.0, np.inf], [1.0 + 1e-6, np.inf], "off by 1.0e-06"),
        (Contract.REASSOCIATES, [np.inf, 1.0], [-np.inf, 1.0], "NaN or infinite"),
        (Contract.APPROXIMATES, [1.0], [np.nan], "off by nan"),
        (Contract.EXACT, [1.0], [[1.0]], "became"),
        (Contract.REASSOCIATES, [], [], ""),
    ],
)
def test_contracts(contract, before, after, message):
    breach = contract.breach(np.array(before), np.array(after))
    assert message in breach
    assert bool(breach) == bool(message)


def test_contracts_of_integers_are_exact():
    assert Contract.APPROXIMATES.breach(np.array([1000001]), np.array([1000000]))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"opt_level": 4}, "opt_level is 0, 1, 2 or 3, got 4"),
        ({"opt_level": "2"}, "opt_level"),
        ({"opt_level": True}, "opt_level"),
        ({"threads": 0}, "threads is a positive int or None, got 0"),
        ({"threads": 1.5}, "threads"),
        ({"exact": 1}, "exact is True or False"),
        ({"verify": "no"}, "verify"),
        ({"cache": None}, "cache"),
        ({"disable_passes": "fuse"}, "sequence of pass names"),
        ({"disable_passes": [1]}, "sequence of pass names"),
        ({"dump_dir": 3}, "dump_dir is a path"),
        ({"speed": 3}, "unknown option 'speed'; the options are opt_level"),
    ],
)
def test_bad_options_are_refused(fields, message):
    with pytest.raises(AicompError, match=message):
        Options().replace(**fields)


def test_good_options():
    options = Options(threads=2).replace(disable_passes=["cse"], dump_dir="out")
    assert (options.threads, options.disable_passes, str(options.dump_dir)) == (2, ("cse",), "out")
    with pytest.raises(InputTypeError):
        options.replace(nothing=1)
