"""A program's steps as plain lists, for files.

In: steps. Out: what JSON holds, and back; `steps_of(plain(steps)) == steps`.

    plain((Copy(Ref("output"), Ref("input"), 8),))   # [["copy", ["output", 0, 0, []], ["input", 0, 0, []], 8]]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..program import Branch, Call, Copy, Ref, Repeat, Step


def plain(steps: Sequence[Step]) -> list[Any]:
    """Return the steps as nested lists."""
    return [_plain(step) for step in steps]


def steps_of(lists: Sequence[Any]) -> tuple[Step, ...]:
    """Return the steps that `plain` wrote. Raises ValueError, TypeError or KeyError on anything else."""
    return tuple(_step(*item) for item in lists)


def _plain(step: Step) -> list[Any]:
    match step:
        case Call():
            return ["call", step.kernel, [*map(_pack, step.args)], step.tasks, step.label, step.nbytes]
        case Copy():
            return ["copy", _pack(step.target), _pack(step.source), step.nbytes]
        case Branch():
            return ["branch", _pack(step.condition), plain(step.then), plain(step.other)]
        case Repeat():
            condition = step.condition and _pack(step.condition)
            return [
                "repeat", step.loop, plain(step.body), step.count, condition, plain(step.head), step.reverse
            ]  # fmt: skip


def _step(kind: str, *rest: Any) -> Step:
    return READERS[kind](*rest)


def _call(kernel: str, args: list[Any], tasks: int, label: str, nbytes: int) -> Call:
    return Call(kernel, tuple(_ref(*a) for a in args), tasks, label, nbytes)


def _copy(target: list[Any], source: list[Any], nbytes: int) -> Copy:
    return Copy(_ref(*target), _ref(*source), nbytes)


def _branch(condition: list[Any], then: list[Any], other: list[Any]) -> Branch:
    return Branch(_ref(*condition), steps_of(then), steps_of(other))


def _repeat(
    loop: int, body: list[Any], count: int | None, condition: list[Any] | None, head: list[Any], reverse: bool
) -> Repeat:
    test = _ref(*condition) if condition else None
    return Repeat(loop, steps_of(body), count, test, steps_of(head), reverse)


READERS: dict[str, Callable[..., Step]] = {
    "call": _call,
    "copy": _copy,
    "branch": _branch,
    "repeat": _repeat,
}


def _pack(ref: Ref) -> list[Any]:
    return [ref.space, ref.index, ref.offset, [list(s) for s in ref.strides]]


def _ref(space: Any, index: int, offset: int, strides: list[tuple[int, int]]) -> Ref:
    return Ref(space, index, offset, tuple((loop, nbytes) for loop, nbytes in strides))
