"""What a trace writes down: frames (graphs under construction), nodes, constants, the user's source lines.

In: ops applied by tracers. Out: nodes at the user's line, and at the end a graph. A frame is the traced
function's own graph, or the body of a `cond`, `while_loop` or `scan` inside it, which may read the values of
outer frames: they become inputs of the body when it is lifted.

    recorder = Recorder()
    with recorder.frame() as frame:
        frame.add_input(TensorType((2,), FLOAT32), "x")
"""

from __future__ import annotations

import dis
import linecache
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import aicomp
from aicomp.errors import TraceError, UnsupportedError
from aicomp.ir import Graph, Location, Node, Op, Value
from aicomp.ops.symbol import lift
from aicomp.types import TensorType

INTERNAL = tuple(str(Path(file).parent) + os.sep for file in (str(aicomp.__file__), __file__, np.__file__))

BINARY_OP = dis.opmap["BINARY_OP"]
IN_PLACE = range(13, 26)  # CPython's NB_INPLACE_ADD to NB_INPLACE_XOR, of all versions from 3.11 on


@cache
def is_internal(file: str) -> bool:
    """Return whether a source file belongs to aicomp or NumPy, or is no file of a user."""
    return file.startswith((*INTERNAL, "<frozen", "<__array_function__"))


def user_frame() -> FrameType | None:
    """Return the innermost Python frame of the user's own code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_internal(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def user_location() -> Location | None:
    """Return the user's file, line and source code that is running now."""
    frame = user_frame()
    if frame is None:
        return None
    file, line = frame.f_code.co_filename, frame.f_lineno
    return Location(file, line, linecache.getline(file, line, frame.f_globals).strip())


def is_augmented_assignment() -> bool:
    """Return whether the user's code is at `y += x` or the like, which binds y to the result."""
    frame = user_frame()
    if frame is None:
        return False
    opcode, argument = frame.f_code.co_code[frame.f_lasti : frame.f_lasti + 2]
    return opcode == BINARY_OP and argument in IN_PLACE


def located(message: str) -> str:
    """Return a message that ends with the user's line."""
    loc = user_location()
    if loc is None:
        return message
    return f"{message} (at {loc})" + (f"\n    {loc.code}" if loc.code else "")


def trace_error(message: str) -> TraceError:
    """Return a TraceError that names the user's line."""
    return TraceError(located(message))


class Frame:
    """A graph under construction: inputs, the nodes recorded so far, a constant for each array object used."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.open = True
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []
        self.constants: dict[int, tuple[Any, Value]] = {}

    def add_input(self, type_: TensorType, name: str) -> Value:
        """Return a new input."""
        self.inputs.append(Value(type_, name=name))
        return self.inputs[-1]

    def record(
        self, op: Op, operands: Sequence[Value], attrs: Mapping[str, Any], regions: Sequence[Graph]
    ) -> tuple[Value, ...]:
        """Record a node at the user's line and return its outputs. GraphError where it is ill-typed."""
        node = Node(op, operands, attrs, regions, user_location())
        self.nodes.append(node)
        return node.outputs

    def constant(self, array: Any) -> Value:
        """Return the constant of an array, the same one as long as the array object stays as it was."""
        self.recorder.check_unwritten(array)
        known = self.constants.get(id(array))
        if known and isinstance(array, np.ndarray) and same_bytes(known[1], array):
            return known[1]
        value = lift(array, loc=user_location())
        assert value.node is not None
        self.nodes.append(value.node)
        self.constants[id(array)] = array, value
        return value


def same_bytes(constant: Value, array: np.ndarray[Any, Any]) -> bool:
    """Return whether a constant still holds what the array does: it may have been written to since."""
    assert constant.node is not None
    held = constant.node.attrs["value"]
    if held is array:
        return not array.flags.writeable
    now = np.ascontiguousarray(array, held.dtype).reshape(-1)
    return bool(np.array_equal(held.reshape(-1).view("u1"), now.view("u1")))


class Recorder:
    """One trace: the stack of open frames and what it could not record."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.unsupported: list[str] = []
        self.written: list[tuple[np.ndarray[Any, Any], Location | None]] = []  # constants that were added to

    @property
    def current(self) -> Frame:
        """Return the frame that nodes are recorded in now."""
        return self.frames[-1]

    @contextmanager
    def frame(self) -> Iterator[Frame]:
        """Open a frame; its tracers die with it."""
        frame = Frame(self)
        self.frames.append(frame)
        try:
            yield frame
        finally:
            frame.open = False
            self.frames.remove(frame)

    def check_unwritten(self, array: Any) -> None:
        """Raise TraceError for a constant array that a traced value was added to in place."""
        for written, loc in self.written:
            if isinstance(array, np.ndarray) and np.may_share_memory(array, written):
                raise trace_error(
                    f"an array shares memory with one that was updated in place by a traced value at {loc}; "
                    "write y = y + x there, not y += x"
                )

    def check_supported(self, cause: BaseException | None = None) -> None:
        """Raise UnsupportedError listing everything that could not be recorded, if anything."""
        if self.unsupported:
            lines = "\n".join(f"  {each}" for each in dict.fromkeys(self.unsupported))
            raise UnsupportedError(f"these functions have no translation:\n{lines}") from cause
