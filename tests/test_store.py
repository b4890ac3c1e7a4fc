"""Graphs in files: what `save` writes `load_graph` reads, and damaged files are refused."""

import json

import numpy as np
import pytest

import aicomp as ac
from aicomp import ops
from aicomp.errors import ParseError
from aicomp.interpreter import interpret
from aicomp.ir import Graph, Node, Value
from aicomp.ops import OPS
from aicomp.store import load_graph, save, weights_path
from aicomp.text import print_graph
from aicomp.types import BFLOAT16, FLOAT32, TensorType


def model(weights):
    x = Value(TensorType((weights.shape[0],), weights.dtype), name="x")
    w = Node(OPS["constant"], (), {"value": weights}).outputs[0]
    return Graph.build("model", [x], [ops.add(ops.exp(x), w)])


@pytest.mark.parametrize("dtype", [FLOAT32, BFLOAT16, np.dtype("int8"), np.dtype("bool")], ids=str)
def test_round_trip_with_weights(tmp_path, dtype):
    weights = (np.arange(1000) % 120).astype(dtype)
    x = Value(TensorType((1000,), weights.dtype), name="x")
    graph = Graph.build("m", [x], [ops.equal(x, Node(OPS["constant"], (), {"value": weights}).outputs[0])])
    ac.save(graph, tmp_path / "m.aic")
    again = load_graph(tmp_path / "m.aic")
    assert print_graph(again) == print_graph(graph)
    assert np.array_equal(interpret(again, [weights])[0], np.ones(1000, bool))
    assert not again.nodes[0].attrs["value"].flags.writeable
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.aic", "m.aic.weights"]


def test_small_graphs_have_no_weights_file(tmp_path):
    path = tmp_path / "m.aic"
    save(model(np.arange(100, dtype=np.float32)), path)
    save(model(np.arange(3, dtype=np.float32)), path)
    assert not weights_path(path).exists()
    assert load_graph(path).name == "model"


def damage(path, change):
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(bytes(data))


def with_index(index):
    head = json.dumps(index).encode()
    return (b"AICOMPW1" + len(head).to_bytes(8, "little") + head).ljust(128, b"\0") + bytes(64)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a weights file"),
        (b"AICOMPW1", "cut short"),
        (b"AICOMPW1" + b"\xff" * 8, "cut short"),
        (b"AICOMPW1" + (3).to_bytes(8, "little") + b"{x}", "weights"),
        (with_index([1]), "weights"),
        (with_index({"a": 3}), "weights"),
        (with_index({"a": ["f32[1]", "0"]}), "weights"),
        (with_index({"a": ["f32[99999999999]", 0]}), "outside"),
        (with_index({"a": ["f32[1]", -64]}), "outside"),
        (with_index({"a": ["f32[1]", 1 << 40]}), "outside"),
        (with_index({"a": ["f32[1]", 0]}), "damaged"),
        (with_index({"a": ["g32[1]", 0]}), "not a tensor type"),
    ],
    ids=range(12),
)
def test_damaged_weights_are_refused(tmp_path, content, message):
    path = tmp_path / "m.aic"
    save(model(np.arange(100, dtype=np.float32)), path)
    weights_path(path).write_bytes(content)
    with pytest.raises(ParseError, match=message):
        load_graph(path)


def test_one_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "m.aic"
    save(model(np.arange(100, dtype=np.float32)), path)
    damage(weights_path(path), lambda data: data.__setitem__(-70, data[-70] ^ 1))
    with pytest.raises(ParseError, match="damaged"):
        load_graph(path)


def test_text_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "m.aic"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ParseError, match="not text"):
        load_graph(path)
    path.write_text("graph g( {")
    with pytest.raises(ParseError, match=r"m\.aic: line 1"):
        load_graph(path)
