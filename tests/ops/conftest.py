"""Every reference that a test of operators runs returns what inference said: shapes and dtypes."""

import pytest

from aicomp.ir import Node
from aicomp.types import TensorType


@pytest.fixture(autouse=True)
def inference_agrees(monkeypatch):
    compute = Node.compute

    def checked(node, arrays):
        results = compute(node, arrays)
        assert [TensorType(r.shape, r.dtype) for r in results] == [value.type for value in node.outputs], node
        return results

    monkeypatch.setattr(Node, "compute", checked)
