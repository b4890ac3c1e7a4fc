"""Graphs as networkx sees them."""

import networkx as nx
import numpy as np

import aicomp as ac
from aicomp.cli import main

SPEC = ac.TensorSpec((4, 8))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_values_are_nodes_and_uses_are_edges():
    graph = ac.trace(softmax, SPEC)
    digraph = ac.to_networkx(graph)
    assert nx.is_directed_acyclic_graph(digraph)
    assert sorted(op for _, op in digraph.nodes(data="op")) == ["divide", "exp", "input", "max", "subtract", "sum"]
    assert nx.dag_longest_path_length(digraph, weight=None) == 5
    assert digraph.nodes["%x"]["type"] == "f32[4,8]"
    assert digraph.nodes["%x"]["nbytes"] == 128
    assert sorted(digraph.successors("%x")) == ["%1", "%2"]


def test_bodies_are_included():
    digraph = ac.to_networkx(ac.compile(softmax, (SPEC,)).graph)
    fusion = next(name for name, op in digraph.nodes(data="op") if op == "fusion")
    assert {f"{fusion}/%0", f"{fusion}/%1"} <= set(digraph)
    both = ac.to_networkx(ac.trace(lambda x: ac.cond(x.sum() > 0, lambda x: x * 2, lambda x: -x, x), SPEC))
    assert {name.split("/")[0][-2:] for name in both if "/" in name} == {".0", ".1"}


def test_the_command_line_writes_graphml(tmp_path):

    path = tmp_path / "model.graphml"
    (tmp_path / "model.py").write_text(
        "import aicomp as ac\nexample_inputs = (ac.TensorSpec(3),)\ndef f(x):\n    return x + x\n"
    )
    assert main(["inspect", f"{tmp_path}/model.py:f", "--graphml", str(path)]) == 0
    assert nx.read_graphml(path).number_of_nodes() == 2
