"""The textual IR: what it looks like, that it round-trips bit for bit, and that no text can do harm."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError, ParseError
from aicomp.ir import Graph, Location, Node, Value
from aicomp.lexer import Tokens
from aicomp.literal import digest, literal, parse_literal
from aicomp.ops import OPS
from aicomp.ops.composite import region
from aicomp.parse import parse_graph
from aicomp.text import large_constants, print_graph
from aicomp.types import BFLOAT16, DTYPES, FLOAT16, FLOAT32, FLOAT64, INT64, TensorType, is_float


def tensor(name, shape=(2, 3), dtype=FLOAT32):
    return Value(TensorType(shape, dtype), name=name)


def constant(array, loc=None):
    return Node(OPS["constant"], (), {"value": np.asarray(array)}, loc=loc).outputs[0]


def round_trip(graph):
    text = print_graph(graph)
    again = parse_graph(text, large_constants(graph))
    assert print_graph(again) == text
    return again


def test_reads_like_code():
    x = tensor("x")
    node = Node(
        OPS["add"], (x, constant(np.array([0.5, -1.0, np.inf], np.float32))), {}, (), Location("m.py", 12, "y = x + b")
    )
    graph = Graph.build("mlp", [x], [ops.sum(node.outputs[0], axes=1)], ["y"], "(*,)->*")
    assert print_graph(graph) == (
        "graph mlp(%x: f32[2,3]) {\n"
        '  structure "(*,)->*"\n'
        "  %1: f32[3] = constant(value=f32[3](0.5, -1.0, inf))\n"
        "  %2: f32[2,3] = add(%x, %1)  # m.py:12  y = x + b\n"
        "  %3: f32[2] = sum(%2, axes=(1,), keepdims=False)\n"
        "  return %3 as y\n"
        "}\n"
    )
    assert "#" not in print_graph(graph, locations=False)
    round_trip(graph)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_small_constants_survive_bit_for_bit(dtype):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 1 << 8, 16 * dtype.itemsize, np.uint8)
    array = (bits[:16] % 2).astype(bool) if dtype.kind == "b" else bits.view(dtype)
    graph = round_trip(Graph.build("g", [], [constant(array)]))
    back = graph.nodes[0].attrs["value"]
    nan = np.isnan(array) if is_float(dtype) else np.zeros(16, bool)
    assert back.dtype == dtype
    assert back[~nan].tobytes() == array[~nan].tobytes()
    assert np.array_equal(nan, np.isnan(back) if is_float(dtype) else nan)


@pytest.mark.parametrize("dtype", [FLOAT16, BFLOAT16, FLOAT32, FLOAT64], ids=str)
def test_special_floats_survive(dtype):
    array = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1e-45, 0.1, 1 / 3], dtype)
    back = round_trip(Graph.build("g", [], [constant(array)])).nodes[0].attrs["value"]
    assert np.array_equal(array, back, equal_nan=True)
    assert np.array_equal(np.signbit(array), np.signbit(back))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (2, 2), (1, 1, 1)])
def test_shapes_of_constants_survive(shape):
    array = np.arange(np.prod(shape, dtype=int), dtype=np.int32).reshape(shape)
    back = round_trip(Graph.build("g", [], [constant(array)])).nodes[0].attrs["value"]
    assert back.shape == shape
    assert np.array_equal(back, array)


def test_large_constants_are_elided_and_splats_are_not():
    weights = np.arange(100, dtype=np.float32)
    graph = Graph.build("g", [], [constant(weights), constant(np.full((40, 40), -0.0))])
    text = print_graph(graph)
    assert f"constant(value=f32[100](sha256:{digest(weights)}))" in text
    assert "constant(value=f64[40,40](-0.0, ...))" in text
    assert list(large_constants(graph)) == [digest(weights)]
    assert round_trip(graph).nodes[0].attrs["value"] is weights or np.array_equal(weights, weights)
    with pytest.raises(ParseError, match=r"line 2: .*weights"):
        parse_graph(text)


def test_a_constant_of_another_type_under_the_digest_is_refused():
    graph = Graph.build("g", [], [constant(np.arange(100))])
    name = next(iter(large_constants(graph)))
    with pytest.raises(ParseError, match="float64"):
        parse_graph(print_graph(graph), {name: np.zeros(100)})


def test_only_the_same_bits_are_a_splat():
    zeros = np.zeros(20, np.float32)
    mixed = np.where(np.arange(20) == 7, -zeros, zeros)
    graph = Graph.build("g", [], [constant(mixed), constant(np.full(20, np.nan)), constant(np.arange(20) == 40)])
    assert print_graph(graph).count(", ...)") == 2
    back = round_trip(graph).nodes[0].attrs["value"]
    assert np.array_equal(np.signbit(back), np.arange(20) == 7)


@pytest.mark.parametrize("dtype", [FLOAT16, BFLOAT16], ids=str)
def test_every_half_survives(dtype):
    array = np.arange(1 << 16, dtype=np.uint16).view(dtype)
    with np.errstate(invalid="ignore"):
        array = array[~np.isnan(array)]
    for start in range(0, array.size, 80):
        part = array[start : start + 16]
        back = parse_literal(Tokens(literal(part)), {})
        assert back.tobytes() == part.tobytes()


def test_digest_tells_shapes_and_dtypes_apart():
    array = np.arange(6, dtype=np.int32)
    assert len({digest(array), digest(array.reshape(2, 3)), digest(array.view(np.float32)), digest(array + 1)}) == 4


@pytest.mark.parametrize("name", ["", "x", "input:0", "a b", 'q"uote', "new\nline", "é", "%3", "7"])
def test_names_survive(name):
    x, y = tensor(name), tensor("other")
    again = round_trip(Graph.build("odd graph\n", [x, y], [ops.add(x, y)], [name]))
    assert [value.name for value in again.inputs] == [name, "other"]
    assert again.output_names == (name,)
    assert again.name == "odd graph\n"


@pytest.mark.parametrize(
    "loc",
    [
        Location("model.py", 3),
        Location("/a b/c.py", 3, "x  =  'a'  # note"),
        Location("C:\\m.py", 10**6, '"""doc"""'),
        Location('q".py', 1, "two\nlines "),
        Location("<stdin>", 1, "λ = 1"),
        Location("#.py", 2, "x"),
        Location("m.py", 1, "two\nlines"),
        Location("m.py", 1, " indented"),
        Location("m.py", 1, "trailing "),
        Location("m.py", 1, "\x1b[31mred"),
    ],
)
def test_locations_survive(loc):
    node = Node(OPS["abs"], (tensor("x"),), loc=loc)
    again = round_trip(Graph.build("g", [node.inputs[0]], node.outputs))
    assert again.nodes[0].loc == loc


def test_regions_nest():
    s = TensorType((), FLOAT32)
    inner = region(lambda c, x: (c + x, c * x), [s, s])
    x, h = tensor("x", (4,)), tensor("h", ())

    def body(c, x):
        results = ops.scan(c, x, regions=[inner], num_carry=1, num_xs=1, length=4)
        return tuple(results)

    nested = region(body, [s, x.type])
    results = ops.scan(h, x, regions=[nested], num_carry=1, num_xs=0, length=2, reverse=True)
    again = round_trip(Graph.build("g", [x, h], results))
    assert again.nodes[0].regions[0].nodes[0].regions[0].nodes[0].op is OPS["add"]


def test_dead_nodes_and_unnamed_inputs_survive():
    x = tensor("")
    dead, alive = ops.exp(x), ops.abs(x)
    graph = Graph("g", (x,), (dead.node, alive.node), (alive, x))
    assert len(round_trip(graph).nodes) == 2


def test_inputs_of_one_name_are_told_apart():
    x, y = tensor("x"), tensor("x")
    graph = Graph("g", (x, y), (), (y, x))
    assert print_graph(graph) == "graph g(%x: f32[2,3], %1: f32[2,3]) {\n  return %1, %x\n}\n"
    round_trip(graph)


def test_literals():
    assert literal((1, (2.0, None), "a\n", True, FLOAT16, ())) == '(1, (2.0, None), "a\\n", True, f16, ())'
    with pytest.raises(GraphError, match="object"):
        literal(object())


HOSTILE = {
    "": "expected 'graph'",
    "graph": "expected a word or string",
    "graph g(": "expected a value",
    "graph g() { return %1 }": "%1 is not defined",
    "graph g(%x: f32[2) { return }": "expected",
    "graph g(%x: f33[2]) { return }": "not a dtype",
    "graph g(%x: f32[-1]) { return }": "negative",
    "graph g(%x: f32[99999999999999,99999999]) { return }": "does not fit in memory",
    "graph g(%x: f32[" + "1," * 40 + "]) { return }": "axes",
    "graph g(%x: f32[" + "9" * 5000 + "]) { return }": "not a size",
    "graph g(%x: f32[1.5]) { return }": "not a size",
    "graph g(%x: f32[" + "0" * 30 + "1]) { return }": "not a size",
    "graph g(%x: f32[2], %x: f32[2]) { return }": "defined twice",
    "graph g(%x: f32[2]) { %0: f32[2] = nothing(%x) return %0 }": "no operator 'nothing'",
    "graph g(%x: f32[2]) { %0: f32[2] = subtrac(%x) return %0 }": "do you mean 'subtract'",
    "graph g(%x: f32[2]) { %0: f32[3] = abs(%x) return %0 }": "not what is declared",
    "graph g(%x: f32[2]) { %0: f32[2], %1: f32[2] = abs(%x) return %0 }": "not what is declared",
    "graph g(%x: f32[2]) { %0: f32[2] = abs(%x, %x) return %0 }": "line 1",
    "graph g(%x: f32[2]) { %0: f32[2] = abs(%x, colour=1) return %0 }": "unknown attribute",
    'graph g(%x: f32[2]) { %0: f32[2] = sum(%x, axes="a") return %0 }': "line 1",
    "graph g(%x: f32[2]) { %0: f32[2] = sum(%x, axes=(((1,),),)) return %0 }": "line 1",
    "graph g() { %0: f32[2] = constant(value=3) return %0 }": "line 1",
    "graph g() { %0: f32[2] = constant(value=f32[2](1.0)) return %0 }": "1 numbers",
    "graph g() { %0: f32[2] = constant(value=f32[2](1.0, 2.0, 3.0)) return %0 }": "3 numbers",
    "graph g() { %0: i8[1] = constant(value=i8[1](300)) return %0 }": "does not fit",
    "graph g() { %0: i8[1] = constant(value=i8[1](1.5)) return %0 }": "not a int8",
    "graph g() { %0: bool[1] = constant(value=bool[1](1)) return %0 }": "not a bool",
    'graph g() { %0: i8[1] = constant(value=i8[1]("a")) return %0 }': "not a int8",
    "graph g() { %0: f32[9999999,9999] = constant(value=f32[9999999,9999](0.0, ...)) return %0 }": "the rest",
    "graph g() { %0: f32[] = constant(value=" + "(" * 100 + ") return %0 }": "nest deeper",
    "graph g() { %0: f32[] = constant(value=f32[](1.2.3)) return %0 }": "not a number",
    "graph g(%x: f32[2]) { return %x as y, %x }": "all outputs",
    "graph g() { return } graph h() { return }": "expected the end",
    'graph "\\q"() { return }': "JSON",
    "graph g() { $ }": "unexpected '$'",
    "graph g() {\n\n  oops\n}": "line 3",
    "graph g() { %0: f32[] = fusion() " + "{ graph g() { %0: f32[] = fusion() " * 50: "nest deeper",
}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_with_its_line(text):
    with pytest.raises(ParseError, match=r"^line \d+: ") as caught:
        parse_graph(text)
    assert HOSTILE[text] in str(caught.value)


def test_every_truncation_of_a_text_is_refused():
    x = tensor("x", (4,), INT64)
    text = print_graph(Graph.build("g", [x], [ops.cast(x, dtype=FLOAT32)], ["y"], 'a"b')).rstrip()
    for end in range(len(text)):
        with pytest.raises(ParseError):
            parse_graph(text[:end])


def test_comments_and_blank_lines_are_skipped():
    head = "# a note\ngraph g(%x: f32[2]) {  # here\n\n  # m.py:3\n"
    graph = parse_graph(head + "  %1: f32[2] = abs(%x)  # not a location\n return %1 }\n# end")
    assert graph.nodes[0].loc is None
    graph = parse_graph(head + "  %1: f32[2] = abs(%x)\n  # m.py:4\n return %1 }")
    assert graph.nodes[0].loc is None


def test_texts_have_a_largest_number_of_nodes(monkeypatch):
    monkeypatch.setattr("aicomp.parse.MAX_NODES", 2)
    lines = [f"  %{i}: f32[2] = abs(%x)\n" for i in range(1, 4)]
    parse_graph("graph g(%x: f32[2]) {\n" + "".join(lines[:2]) + "  return\n}")
    with pytest.raises(ParseError, match="line 4: more than 2 nodes"):
        parse_graph("graph g(%x: f32[2]) {\n" + "".join(lines) + "  return\n}")
