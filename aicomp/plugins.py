"""Plug-ins: frontends and backends found by entry point, third parties' the same way as the built-in ones.

In: the entry point groups "aicomp.frontends" and "aicomp.backends" of installed packages, each entry naming an
object of the protocol below. Out: lazy tables, which import a plug-in only when it is asked for.

    backends()["cpu"].compile(graph, options, {})
    [project.entry-points."aicomp.frontends"]          # in a third party's pyproject.toml
    keras = "my_package:frontend"
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol

from .errors import AicompError
from .ir import Graph

FRONTENDS = "aicomp.frontends"
BACKENDS = "aicomp.backends"


class Frontend(Protocol):
    """Turns models of one kind into graphs."""

    name: str

    def accepts(self, model: Any) -> bool:
        """Return whether this is a kind of model the frontend imports, judged cheaply."""

    def import_model(self, model: Any, example_inputs: tuple[Any, ...] | None) -> Graph:
        """Return the model as a graph; `example_inputs` are arrays or `TensorSpec`s, or pytrees of them."""


class Backend(Protocol):
    """Turns graphs into executables for one target."""

    name: str
    option_names: frozenset[str]

    def pipeline(self, options: Any) -> tuple[Any, ...]:
        """Return the passes (`aicomp.graph_pass.Pass`) that bring a graph to the form `compile` takes."""

    def compile(self, graph: Graph, options: Any, extra: Mapping[str, Any]) -> Any:
        """Return an executable of an optimised graph; `extra` holds the values of `option_names` given."""

    def is_artefact(self, path: Path) -> bool:
        """Return whether a file is an executable that this backend saved."""

    def load(self, path: Path, threads: int | None) -> Any:
        """Return the executable in such a file."""


class Plugins(Mapping[str, Any]):
    """The plug-ins of one entry point group by name, each imported when it is looked up."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.entries: dict[str, EntryPoint] = {entry.name: entry for entry in installed(group)}

    def __getitem__(self, name: str) -> Any:
        return load(self.entries[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def named(self, name: str) -> Any:
        """Return a plug-in. Raises AicompError naming those there are."""
        if name not in self.entries:
            kind = self.group.rpartition(".")[2].rstrip("s")
            raise AicompError(f"there is no {kind} {name!r}; installed are {', '.join(sorted(self)) or 'none'}")
        return self[name]

    def first(self, wanted: Callable[[Any], bool]) -> Any | None:
        """Return the first plug-in that `wanted` holds for, the built-in ones tried before others."""
        own = sorted(self.entries.values(), key=lambda entry: not entry.value.startswith("aicomp."))
        return next((plugin for plugin in map(load, own) if wanted(plugin)), None)


@cache
def installed(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group; every installed package is searched for them, so only once a process."""
    return tuple(entry_points(group=group))


def load(entry: EntryPoint) -> Any:
    """Return the object an entry point names. Raises AicompError naming the package where that fails."""
    try:
        return entry.load()
    except Exception as error:
        package = entry.dist.name if entry.dist else entry.value
        raise AicompError(
            f"plug-in {entry.name!r} of {package} ({entry.group}: {entry.value}) failed to import: "
            f"{type(error).__name__}: {error}"
        ) from error


def frontends() -> Plugins:
    """Return the installed frontends."""
    return Plugins(FRONTENDS)


def backends() -> Plugins:
    """Return the installed backends."""
    return Plugins(BACKENDS)
