"""Every error a user can cause. All derive from `AicompError`; bad call arguments also from TypeError or ValueError."""

from __future__ import annotations


class AicompError(Exception):
    """Anything aicomp reports to its user: the message names what, where, and what to do next."""


class InputTypeError(AicompError, TypeError):
    """A call got the wrong kind, number or dtype of inputs."""


class InputValueError(AicompError, ValueError):
    """A call got an input of the wrong shape or value."""


class GraphError(AicompError, ValueError):
    """A node cannot be built from these inputs, or a graph breaks an invariant."""


class ParseError(AicompError, ValueError):
    """Text or a file that is not what it claims to be."""


class TraceError(AicompError, TypeError):
    """The traced function did what a static graph cannot hold."""


class UnsupportedError(AicompError):
    """One or more operators that a frontend or backend does not have, listed all at once."""
