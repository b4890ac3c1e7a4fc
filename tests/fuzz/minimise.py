"""Makes a failing graph small: drops outputs, and cuts nodes off by making inputs of their results.

In: a sample, and whether a sample still fails. Out: the smallest failing sample found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aicomp.ir import Graph, Value
from aicomp.types import is_float

from .builder import Array, Sample

Fails = Callable[[Sample], bool]


def minimise(sample: Sample, fails: Fails, tries: int = 400) -> Sample:
    """Return a smaller sample that fails, too."""
    while tries > 0:
        for candidate in candidates(sample):
            tries -= 1
            if fails(candidate):
                sample = candidate
                break
            if tries <= 0:
                return sample
        else:
            return sample
    return sample


def candidates(sample: Sample) -> Iterator[Sample]:
    """Yield smaller samples, the smallest first."""
    graph = sample.graph
    if len(graph.outputs) > 1:
        yield from (_keep(sample, [value]) for value in dict.fromkeys(graph.outputs))
        yield from (_keep(sample, [*graph.outputs[:i], *graph.outputs[i + 1 :]]) for i in range(len(graph.outputs)))
    for value in graph.outputs:
        if value.node and len(graph.outputs) == 1:
            yield from (_keep(sample, [operand]) for operand in dict.fromkeys(value.node.inputs) if operand.node)
    memory = values_of(sample)
    for node in reversed(graph.nodes):
        if node.op.name != "constant" or node.outputs[0].type.size > 1:
            yield _cut(sample, node.outputs, memory)


def values_of(sample: Sample) -> dict[Value, Array]:
    """Return every value's array."""
    memory = dict(zip(sample.graph.inputs, sample.arrays, strict=True))
    for node in sample.graph.nodes:
        memory.update(zip(node.outputs, node.compute([memory[v] for v in node.inputs]), strict=True))
    return memory


def _keep(sample: Sample, outputs: list[Value]) -> Sample:
    graph = Graph.build(sample.graph.name, sample.graph.inputs, outputs)
    read = {v for node in graph.nodes for v in node.inputs} | set(outputs)
    kept = [(v, a) for v, a in zip(graph.inputs, sample.arrays, strict=True) if v in read]
    inputs, arrays = tuple(v for v, _ in kept), tuple(a for _, a in kept)
    return Sample(Graph.build(graph.name, inputs, outputs), arrays, sample.approximate)


def unused_name(graph: Graph) -> str:
    """Return a word that no input's name begins with."""
    return next(f"cut{i}" for i in range(1000) if not any(v.name.startswith(f"cut{i}") for v in graph.inputs))


def _cut(sample: Sample, values: tuple[Value, ...], memory: dict[Value, Array]) -> Sample:
    """Return the sample with inputs in place of some values."""
    graph = sample.graph
    new = {v: Value(v.type, name=f"{unused_name(graph)}_{i}") for i, v in enumerate(values)}
    inputs, arrays = (*graph.inputs, *new.values()), (*sample.arrays, *(memory[v] for v in values))
    replaced: dict[Value, Value] = dict(new)
    for node in graph.nodes:
        copy = node.replace([replaced.get(v, v) for v in node.inputs])
        if node.outputs != values:
            replaced.update(zip(node.outputs, copy.outputs, strict=True))
    outputs = [replaced.get(v, v) for v in graph.outputs]
    approximate = {replaced.get(v, v) for v in sample.approximate if is_float(v.dtype)} - set(new.values())
    cut = Sample(Graph.build(graph.name, inputs, outputs), arrays, frozenset(approximate))
    return _keep(cut, outputs)
