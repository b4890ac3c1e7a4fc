"""What a composite turns into: the nodes of its decomposition, all the way down to primitives."""

import numpy as np

from aicomp.ir import Graph, Value
from aicomp.passes.decompose import decompose
from aicomp.types import TensorType, dtype


def tensor(*shape, of="float32"):
    """Return a graph input."""
    return Value(TensorType(shape, dtype(of)))


def primitives(*values):
    """Return the primitive nodes that values are computed by, composites replaced by what they stand for."""
    graph = Graph.build("recorded", [], values)
    return decompose(graph).nodes


def names(*values):
    """Return the names of those nodes' ops."""
    return [node.op.name for node in primitives(*values)]


def normal(*shape, seed=0):
    """Return standard normal float32 numbers."""
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)
