"""Pytrees: flattening, names, structures as text."""

from typing import NamedTuple

import pytest

from aicomp.errors import InputTypeError, ParseError
from aicomp.tree import (
    arranged,
    flatten,
    format_structure,
    leaf_names,
    leaves,
    map_leaves,
    parse_structure,
    unflatten,
)


class Pair(NamedTuple):
    left: object
    right: object


TREES = [1, (), [], {}, None, (1,), [1, 2], {"b": 1, "a": (2, [3])}, (None, {"x": None, 3: [4]}), [[(1,), {}], None]]


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_round_trip(tree):
    flat, structure = flatten(tree)
    assert unflatten(structure, flat) == tree
    assert leaves(tree) == flat
    assert parse_structure(format_structure(structure, structure)) == (structure, structure)
    assert len(leaf_names(tree, "x")) == len(flat)


def test_names():
    tree = {"w": 1, "a b": [2, (3,)], 4: 5, "class_": 6}
    assert leaf_names(tree, "p") == ["p.w", "p['a b'][0]", "p['a b'][1][0]", "p[4]", "p.class_"]
    assert leaf_names(1, "x") == ["x"]


def test_dicts_keep_their_order():
    assert flatten({"b": 1, "a": 2})[0] == [1, 2]


def test_dicts_are_arranged_as_others_are():
    tree = Pair({"b": 1, "a": {2: 3, 4: 5}}, [{"x": 6}])
    result = arranged(tree, ({"a": {4: "*", 2: "*"}, "b": "*"}, ["*"]))
    assert (type(result), result) == (Pair, tree)
    assert leaves(result) == [5, 3, 1, 6]


def test_named_tuples_are_kept_while_mapping():
    mapped = map_leaves(lambda x: x + 1, Pair(1, [2]))
    assert (type(mapped), mapped) == (Pair, (2, [3]))
    assert flatten(Pair(1, 2)) == ([1, 2], ("*", "*"))


def test_errors():
    with pytest.raises(InputTypeError, match="dict key"):
        flatten({(1, 2): 3})
    with pytest.raises(InputTypeError, match="fewer values than the 2"):
        unflatten(("*", "*"), [1])
    with pytest.raises(InputTypeError, match="more values than the 1"):
        unflatten(("*",), [1, 2])
    for text in ("", "1 +", "(1, 2, 3)", "f()"):
        with pytest.raises(ParseError, match="not a graph structure"):
            parse_structure(text)
