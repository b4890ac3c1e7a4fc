"""Pytrees: nested tuples, lists, dicts and None, whose leaves are tensors.

In: a nested value. Out: its leaves in order and its structure, a nested value with `LEAF` where leaves were. Dicts
keep their insertion order; None is an empty tree. `Graph.structure` holds those of inputs and outputs as text.

    flatten({"w": a, "b": [c, d]})          # [a, c, d], {"w": "*", "b": ["*", "*"]}
    leaf_names({"w": a, "b": [c]}, "p")     # ["p.w", "p.b[0]"]
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .errors import InputTypeError, ParseError

Tree = Any
LEAF = "*"


def children(tree: Tree) -> list[tuple[Any, Tree]] | None:
    """Return the (key, child) pairs of a tuple, list, dict or None; None for a leaf."""
    if tree is None:
        return []
    if isinstance(tree, dict):
        return list(tree.items())
    if isinstance(tree, (tuple, list)):
        return list(enumerate(tree))
    return None


def rebuild(tree: Tree, parts: Iterable[Tree]) -> Tree:
    """Return a container like `tree`, named tuples included, around other children."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return dict(zip(tree, parts, strict=True))
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*parts)
    return tuple(parts) if isinstance(tree, tuple) else list(parts)


def map_leaves(function: Callable[..., Any], tree: Tree) -> Tree:
    """Return the tree with the function applied to every leaf."""
    nested = children(tree)
    if nested is None:
        return function(tree)
    return rebuild(tree, [map_leaves(function, child) for _, child in nested])


def arranged(tree: Tree, like: Tree) -> Tree:
    """Return the tree with its dicts in the key order of those in the same places of another tree or structure."""
    if isinstance(tree, dict) and isinstance(like, dict) and tree.keys() == like.keys():
        return {key: arranged(tree[key], child) for key, child in like.items()}
    if isinstance(tree, (tuple, list)) and isinstance(like, (tuple, list)) and len(tree) == len(like):
        return rebuild(tree, [arranged(child, other) for child, other in zip(tree, like, strict=True)])
    return tree


def leaves(tree: Tree) -> list[Any]:
    """Return the leaves in order."""
    nested = children(tree)
    return [tree] if nested is None else [leaf for _, child in nested for leaf in leaves(child)]


def structure_of(tree: Tree) -> Tree:
    """Return the tree with `LEAF` in place of its leaves, of plain tuples, lists, dicts and None."""
    nested = children(tree)
    if nested is None:
        return LEAF
    if isinstance(tree, dict):
        return {_literal_key(key): structure_of(child) for key, child in nested}
    parts = [structure_of(child) for _, child in nested]
    return tuple(parts) if isinstance(tree, tuple) else None if tree is None else parts


def _literal_key(key: Any) -> Any:
    if isinstance(key, (str, int, float, bool)):
        return key
    raise InputTypeError(f"dict key {key!r} of a nested input or output is not a string or a number")


def flatten(tree: Tree) -> tuple[list[Any], Tree]:
    """Return the leaves and the structure. Raises InputTypeError on a dict key of another type."""
    return leaves(tree), structure_of(tree)


def unflatten(structure: Tree, flat: Iterable[Any]) -> Tree:
    """Return the tree of this structure with these leaves.

    Raises InputTypeError where there are too many or too few of them.
    """
    rest = iter(flat)
    tree = _fill(structure, rest)
    if next(rest, LEAF) is not LEAF:
        raise InputTypeError(f"more values than the {len(leaves(structure))} of {structure}")
    return tree


def _fill(structure: Tree, rest: Iterator[Any]) -> Tree:
    def take(_: Any) -> Any:
        for leaf in rest:
            return leaf
        raise InputTypeError(f"fewer values than the {len(leaves(structure))} of {structure}")

    return map_leaves(take, structure)


def leaf_names(tree: Tree, root: str) -> list[str]:
    """Return the path of every leaf: `root.key` for identifiers, `root['a b']` for other keys, `root[0]`."""
    nested = children(tree)
    if nested is None:
        return [root]
    return [name for key, child in nested for name in leaf_names(child, f"{root}{_step(key)}")]


def _step(key: Any) -> str:
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"


def format_structure(inputs: Tree, outputs: Tree) -> str:
    """Return the text that `Graph.structure` holds: a Python literal of both structures."""
    return repr((inputs, outputs))


def parse_structure(text: str) -> tuple[Tree, Tree]:
    """Return the structures of inputs and outputs that `format_structure` wrote. Raises ParseError."""
    try:
        inputs, outputs = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError) as error:
        raise ParseError(f"{text!r} is not a graph structure") from error
    return inputs, outputs
