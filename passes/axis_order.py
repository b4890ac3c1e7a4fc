"""The two orders of axes that `layout` chooses between, and what each operator asks of them.

FIRST is [N,C,*S], LAST is [N,*S,C], for tensors of rank 3 to 5. An operator is free where it can do its work in either,
its operands being in the same one; `PERMUTE` brings its attributes from FIRST to LAST.

    to_last(4)                             # (0, 2, 3, 1)
    PERMUTE["concat"]({"axis": 1}, 4)      # {"axis": 3}
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from types import MappingProxyType

from aicomp.ir import Attrs, Kind, Node, Value

RANKS = range(3, 6)
POSITIONS = ("argmax", "argmin")
FOLDS = ("sum", "prod", "max", "min", "any", "all")


class Layout(enum.Enum):
    """The order of the axes of a tensor."""

    FIRST = "channels first"
    LAST = "channels last"


FIRST, LAST = Layout


def is_channels_first_conv(node: Node) -> bool:
    """Return whether a node is a convolution in the layout that this pass replaces."""
    return node.op.name == "conv" and not node.attrs["channels_last"]


def to_last(rank: int) -> tuple[int, ...]:
    """Return the permutation from FIRST to LAST: axis i of LAST is axis to_last[i] of FIRST."""
    return (0, *range(2, rank), 1)


def to_first(rank: int) -> tuple[int, ...]:
    """Return the permutation from LAST to FIRST: the place in LAST of each axis of FIRST."""
    return (0, rank - 1, *range(1, rank - 1))


def is_free(node: Node) -> bool:
    """Return whether a node can do its work in either layout, its operands in the same one."""
    rank = node.outputs[0].type.rank
    return rank in RANKS and (node.op.kind is Kind.ELEMENTWISE or node.op.name in PERMUTE) and _keeps_rank(node)


def _keeps_rank(node: Node) -> bool:
    broadcasts = node.op.kind is Kind.ELEMENTWISE or node.op.name == "broadcast_to"
    return broadcasts or all(value.type.rank == node.outputs[0].type.rank for value in node.inputs)


def folds_either(node: Node) -> bool:
    """Return whether a reduction has the same result on either layout: the axes it leaves are in the same order."""
    if node.op.name not in FOLDS or node.attrs["keepdims"] or node.inputs[0].type.rank not in RANKS:
        return False
    left = [axis for axis in to_last(node.inputs[0].type.rank) if axis not in node.attrs["axes"]]
    return left == sorted(left)


def is_transpose(node: Node | None, permutation: Callable[[int], tuple[int, ...]]) -> bool:
    """Return whether a node is the transpose between the layouts that `permutation` gives."""
    if node is None or node.op.name != "transpose" or node.inputs[0].type.rank not in RANKS:
        return False
    return bool(node.attrs["perm"] == permutation(node.inputs[0].type.rank))


def transpose_cost(value: Value, rank: int) -> int:
    """Return the elements that a change of layout moves; 0 where it is a reshape, or done at compile time."""
    if rank not in RANKS:
        return 0
    shape = (1,) * (rank - value.type.rank) + value.shape
    moved = [axis for axis in to_last(rank) if shape[axis] != 1]
    return 0 if value.op == "constant" or moved == sorted(moved) else value.type.size


def unchanged(attrs: Attrs, rank: int) -> Attrs:
    """Return the attributes of an operator that has none for each axis."""
    return attrs


def _permute_sizes(*names: str) -> Callable[[Attrs, int], Attrs]:
    """Return the function that brings attributes with an entry for each axis from FIRST to LAST."""

    def permute(attrs: Attrs, rank: int) -> Attrs:
        return {**attrs, **{name: tuple(attrs[name][axis] for axis in to_last(rank)) for name in names}}

    return permute


def _permute_axis(attrs: Attrs, rank: int) -> Attrs:
    return {**attrs, "axis": to_last(rank).index(attrs["axis"])}


def _permute_axes(attrs: Attrs, rank: int) -> Attrs:
    return {**attrs, "axes": tuple(sorted(to_last(rank).index(axis) for axis in attrs["axes"]))}


def _permute_iota(attrs: Attrs, rank: int) -> Attrs:
    return _permute_axis(_permute_sizes("shape")(attrs, rank), rank)


PERMUTE: Mapping[str, Callable[[Attrs, int], Attrs]] = MappingProxyType(
    {
        "reduce_window": _permute_sizes("window", "strides", "padding", "dilation"),
        "pad": _permute_sizes("low", "high", "interior"),
        "slice": _permute_sizes("starts", "sizes", "steps"),
        "broadcast_to": _permute_sizes("shape"),
        "concat": _permute_axis,
        "iota": _permute_iota,
        **dict.fromkeys(FOLDS, _permute_axes),
        **dict.fromkeys(POSITIONS, _permute_axis),
    }
)
