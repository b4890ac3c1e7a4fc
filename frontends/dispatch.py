"""Routes NumPy's protocols to translations: `__array_function__` and `__array_ufunc__`.

In: a NumPy function or ufunc with its arguments, some of them tracers. Out: what the translation returns. A function
without a translation is noted, and a constant of the right type stands in for its result, so that one trace finds
them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from aicomp.errors import AicompError, UnsupportedError
from aicomp.ops.symbol import Symbol
from aicomp.tree import map_leaves

from . import advice
from .numpy_functions import FUNCTIONS
from .numpy_ufuncs import UFUNCS, apply_ufunc
from .recorder import is_augmented_assignment, located, trace_error, user_location
from .ufunc_methods import UFUNC_METHODS

USER_ERRORS = (TypeError, ValueError, LookupError, ArithmeticError, NotImplementedError)


def name_of(function: Callable[..., Any]) -> str:
    """Return a NumPy function's name as users write it after `np.`: `linalg.norm`."""
    module = getattr(function, "__module__", "numpy") or "numpy"
    public = "numpy.linalg" if module.startswith("numpy.linalg") else module
    return f"{public}.{function.__name__}".removeprefix("numpy.")


class naming:
    """Turns errors about the user's arguments into a TraceError that names the function and the user's line."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if type(error) is AicompError or (isinstance(error, USER_ERRORS) and not isinstance(error, AicompError)):
            raise trace_error(f"{self.name}: {error}") from error


def call_function(tracer: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return the result of a NumPy function on tracers."""
    name = name_of(function)
    translation = FUNCTIONS.get(function)
    if translation is None:
        return stand_in(tracer, name, function, args, kwargs)
    given = {key: value for key, value in kwargs.items() if value is not np._NoValue}
    out = given.pop("out", None)
    with naming(f"np.{name}"):
        check_keywords(translation, given)
        return write_out(name, translation(*args, **given), (out,))


def check_keywords(translation: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Raise TypeError naming an argument that the translation does not have."""
    code = getattr(translation, "__code__", None)
    if code is None or code.co_flags & 0x08:  # not a Python function, or one that takes **kwargs
        return
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    unknown = [f"{key}=" for key in given if key not in known]
    if unknown:
        raise TypeError(f"{', '.join(unknown)} is not supported in traced code")


def call_ufunc(tracer: Any, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result of a ufunc, or of its method `reduce`, `accumulate` or `outer`, on tracers."""
    name = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if ufunc.__name__ not in UFUNCS:
        return stand_in(tracer, name.removeprefix("np."), getattr(ufunc, method), inputs, kwargs)
    rest = dict(kwargs)
    out = rest.pop("out", ())
    with naming(name):
        if method != "__call__":
            if method not in UFUNC_METHODS:
                raise TypeError("is not supported in traced code; use ac.ops.scatter_nd")
            return write_out(name, UFUNC_METHODS[method](ufunc, *inputs, **rest), out)
        mask = rest.pop("where", True)
        result = apply_ufunc(ufunc, inputs, rest.pop("dtype", None))
        if set(rest) - {"casting", "order", "subok"}:
            raise TypeError(f"{', '.join(rest)}= is not supported in traced code")
        if mask is not True:
            result = np.where(mask, result, old_values(out))
        return write_out(name, result, out)


def old_values(out: tuple[Any, ...]) -> Any:
    """Return what a masked ufunc leaves where the mask is False. TypeError without an `out` that tells."""
    if not out or out[0] is None:
        raise TypeError("where= needs out=; or use np.where(mask, result, other)")
    return out[0]


def write_out(name: str, results: Any, out: tuple[Any, ...]) -> Any:
    """Return results, written into the arrays of `out` where some are given."""
    if all(target is None for target in out):
        return results
    for target, result in zip(out, results if isinstance(results, tuple) else (results,), strict=True):
        if isinstance(target, Symbol):
            target.assign(result)  # type: ignore[attr-defined]
        elif is_augmented_assignment() and isinstance(target, np.ndarray):
            return result.replacing(target)
        else:
            raise TypeError("out= must be a traced array; use the result instead")
    return out[0] if len(out) == 1 else out


def stand_in(
    tracer: Any, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Note an unsupported function and return constants of the types of its results.

    Raises UnsupportedError, listing all noted so far, where NumPy does not tell those types.
    """
    recorder = tracer.frame.recorder
    recorder.unsupported.append(f"np.{name} at {user_location()}: {advice.nearest(name)}")
    try:
        results = function(*map_leaves(_example, args), **map_leaves(_example, dict(kwargs)))
        return map_leaves(lambda x: tracer.constant(np.real(x)) if _is_array(x) else x, results)
    except Exception as error:
        recorder.check_supported(error)
        raise UnsupportedError(located(name)) from error


def _is_array(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic))


def _example(x: Any) -> Any:
    """Return zeros for a tracer, or identity matrices, which solvers take; arrays are copied, lest they be written."""
    if not isinstance(x, Symbol):
        return x.copy() if isinstance(x, np.ndarray) else x
    if x.ndim < 2 or x.dtype.kind in "biu":
        return np.zeros(x.shape, x.dtype)
    return np.broadcast_to(np.eye(*x.shape[-2:], dtype=x.dtype), x.shape)
