"""The verifier: each invariant, broken on purpose, is named with its node and place."""

import numpy as np
import pytest

from aicomp import ops
from aicomp.errors import GraphError
from aicomp.ir import Graph, Location, Node, Value
from aicomp.ops import OPS
from aicomp.ops.composite import region
from aicomp.types import FLOAT32, INT32, TensorType
from aicomp.verify import INVARIANTS, name_of, verify

T = TensorType((2, 3), FLOAT32)
LOC = Location("model.py", 3)


def tensor(name="x"):
    return Value(T, name=name)


def node(op, *inputs, **attrs):
    return Node(OPS[op], inputs, attrs, loc=LOC)


def sound():
    x, y = tensor("x"), tensor("y")
    return Graph.build("g", [x, y], [ops.sum(ops.add(x, y), axes=1), x], ["a", "b"])


def forge(made, **fields):
    """A node with fields that its construction would not allow."""
    forged = object.__new__(Node)
    for name in Node.__slots__:
        setattr(forged, name, fields.get(name, getattr(made, name)))
    forged.outputs = fields.get("outputs", tuple(Value(v.type, forged, v.index) for v in made.outputs))
    return forged


def input_that_is_made():
    made = node("abs", tensor()).outputs[0]
    return Graph("g", (made,), (), (made,))


def input_twice():
    x = tensor()
    return Graph("g", (x, x), (), (x,))


def two_inputs_of_a_name():
    x, y = tensor("x"), tensor("x")
    return Graph("g", (x, y), (), (x,))


def two_outputs_of_a_name():
    x = tensor("x")
    return Graph("g", (x,), (), (x, x), ("a", "a"))


def too_few_output_names():
    x = tensor("x")
    return Graph("g", (x,), (), (x, x), ("a",))


def output_of_another_node():
    x = tensor()
    made = node("abs", x)
    forged = forge(made, outputs=made.outputs)
    return Graph("g", (x,), (forged,), forged.outputs)


def node_twice():
    x = tensor()
    made = node("abs", x)
    return Graph("g", (x,), (made, made), made.outputs)


def used_before_it_is_made():
    x = tensor()
    first = node("abs", x)
    second = node("exp", first.outputs[0])
    return Graph("g", (x,), (second, first), second.outputs)


def used_before_it_is_made_by_a_later_node():
    x = tensor()
    first, unrelated = node("abs", x), node("exp", x)
    second = node("exp", first.outputs[0])
    return Graph("g", (x,), (unrelated, second, first), second.outputs)


def outputs_out_of_order():
    x = tensor()
    made = node("top_k", x, k=1)
    forged = forge(made)
    forged.outputs = tuple(Value(v.type, forged, 1 - v.index) for v in made.outputs)
    return Graph("g", (x,), (forged,), forged.outputs)


def unknown_operand():
    return Graph("g", (), (made := node("abs", tensor()),), made.outputs)


def unknown_output():
    return Graph("g", (tensor(),), (), (tensor("y"),))


def region_that_reads_outside():
    x = tensor()
    outer = node("abs", x)
    leaking = Graph("body", (), (), (outer.outputs[0],))
    fused = forge(Node(OPS["fusion"], (x,), {}, [region(ops.abs, [T])], LOC), inputs=(), regions=(leaking,))
    return Graph("g", (x,), (outer, fused), fused.outputs)


def region_whose_node_reads_outside():
    x = tensor()
    outer = node("abs", x)
    inner = node("exp", outer.outputs[0])
    leaking = Graph("body", (), (inner,), inner.outputs)
    fused = forge(Node(OPS["fusion"], (x,), {}, [region(ops.abs, [T])], LOC), inputs=(), regions=(leaking,))
    return Graph("g", (x,), (outer, fused), fused.outputs)


def region_whose_input_is_outside():
    x = tensor()
    leaking = Graph("body", (x,), (), (x,))
    fused = forge(Node(OPS["fusion"], (x,), {}, [region(ops.abs, [T])], LOC), regions=(leaking,))
    return Graph("g", (x,), (fused,), fused.outputs)


def attribute_of_another_type():
    x = tensor()
    forged = forge(node("sum", x, axes=1), attrs={"axes": (1,), "keepdims": 0})
    return Graph("g", (x,), (forged,), forged.outputs)


def attributes_that_are_not_canonical():
    x = tensor()
    made = node("sum", x, axes=-1)
    forged = forge(made, attrs={"axes": -1, "keepdims": False})
    return Graph("g", (x,), (forged,), forged.outputs)


def attributes_that_are_missing():
    x = tensor()
    forged = forge(node("cast", x, dtype="i32"), attrs={})
    return Graph("g", (x,), (forged,), forged.outputs)


def mutable_array():
    forged = forge(node("constant", value=np.zeros(2)), attrs={"value": np.zeros(2)})
    return Graph("g", (), (forged,), forged.outputs)


def wrong_type():
    x = tensor()
    made = node("abs", x)
    forged = forge(made)
    forged.outputs = (Value(TensorType((2, 3), INT32), forged),)
    return Graph("g", (x,), (forged,), forged.outputs)


def operands_that_do_not_fit():
    x = tensor()
    forged = forge(node("add", x, x), inputs=(x, Value(TensorType((5,), FLOAT32))))
    return Graph("g", (*forged.inputs,), (forged,), forged.outputs)


BROKEN = {
    input_that_is_made: "inputs-are-inputs",
    input_twice: "inputs-are-inputs",
    two_inputs_of_a_name: "names-unique",
    two_outputs_of_a_name: "names-unique",
    too_few_output_names: "names-unique",
    output_of_another_node: "outputs-belong-to-nodes",
    node_twice: "outputs-belong-to-nodes",
    used_before_it_is_made: "defined-before-use",
    used_before_it_is_made_by_a_later_node: "defined-before-use",
    outputs_out_of_order: "outputs-belong-to-nodes",
    unknown_operand: "defined-before-use",
    unknown_output: "outputs-available",
    region_that_reads_outside: "regions-closed",
    region_whose_node_reads_outside: "regions-closed",
    region_whose_input_is_outside: "regions-closed",
    attribute_of_another_type: "attributes-canonical",
    attributes_that_are_not_canonical: "attributes-canonical",
    attributes_that_are_missing: "attributes-canonical",
    mutable_array: "attributes-canonical",
    wrong_type: "types-match-inference",
    operands_that_do_not_fit: "types-match-inference",
}


def test_a_sound_graph_passes():
    verify(sound())


def test_a_number_that_equals_nothing_is_canonical():
    x = tensor()
    verify(Graph.build("g", [x], [ops.pad(x, low=(1, 0), high=(0, 0), value=float("nan"))]))


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__)
def test_a_broken_graph_is_told_by_its_invariant(make):
    with pytest.raises(GraphError, match=rf"^{BROKEN[make]}: "):
        verify(make())


@pytest.mark.parametrize("make", [used_before_it_is_made, wrong_type, region_that_reads_outside])
def test_messages_name_the_node_and_its_place(make):
    with pytest.raises(GraphError, match=r"\w+\(.*\) at model\.py:3"):
        verify(make())


def test_regions_are_verified():
    body = region(ops.abs, [T])
    broken = Graph("body", body.inputs, (), body.outputs)
    x = tensor()
    forged = forge(Node(OPS["fusion"], (x,), {}, [body], LOC), regions=(broken,))
    with pytest.raises(GraphError, match="outputs-available: output 0 of body"):
        verify(Graph("g", (x,), (forged,), forged.outputs))


def test_every_invariant_is_documented_and_tested():
    assert all(invariant.__doc__ for invariant in INVARIANTS)
    assert {name_of(invariant) for invariant in INVARIANTS} == set(BROKEN.values())
