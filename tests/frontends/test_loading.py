"""Functions from files: paths, example inputs, errors that say what is missing."""

import numpy as np
import pytest

from aicomp.errors import AicompError, InputTypeError, ParseError
from aicomp.frontends.loading import is_function_path, load_function
from aicomp.frontends.trace import frontend

SOURCE = """
from dataclasses import dataclass
import numpy as np
import sibling

@dataclass
class Model:
    scale: float
    def __call__(self, x):
        return x * self.scale

class Group:
    inner = Model(3.0)

def forward(x):
    return np.tanh(x) * sibling.SCALE

def own(x):
    return x

own.example_inputs = lambda: (np.zeros(5, "f4"),)
model = Model(2.0)
number = 3
example_inputs = (np.zeros((2, 3), np.float32),)
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "sibling.py").write_text("SCALE = 2")
    path = tmp_path / "my model.py"
    path.write_text(SOURCE)
    return path


def test_paths():
    assert is_function_path("a/b.py:f") and is_function_path("C:\\x\\b.py:f.g")
    assert not any(map(is_function_path, ("b.py", "b.onnx", "b.py:", "b.txt:f", "")))


def test_functions_and_callable_objects(file):
    function, examples = load_function(f"{file}:forward")
    np.testing.assert_allclose(function(np.ones(2)), np.tanh(1) * 2)
    assert examples[0].shape == (2, 3)
    assert load_function(f"{file}:own")[1][0].shape == (5,)
    assert load_function(f"{file}:Group.inner")[0](2) == 6


def test_frontend_uses_the_files_example_inputs(file):
    graph = frontend.import_model(f"{file}:forward", None)
    assert (graph.name, str(graph.output_types[0])) == ("forward", "f32[2,3]")
    graph = frontend.import_model(f"{file}:model", (np.zeros(7),))
    assert str(graph.output_types[0]) == "f64[7]"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("missing", ParseError, "has no 'missing'; it has Model, Group, forward, own"),
        ("number", ParseError, "is a int, not a function"),
        ("", ParseError, "not of the form"),
    ],
)
def test_missing_names(file, name, error, message):
    with pytest.raises(error, match=message):
        load_function(f"{file}:{name}")


def test_missing_and_failing_files(tmp_path):
    with pytest.raises(ParseError, match="there is no file"):
        load_function(f"{tmp_path}/none.py:f")
    (tmp_path / "bad.py").write_text("import no_such_module")
    with pytest.raises(AicompError, match=r"bad.py failed to run: ModuleNotFoundError"):
        load_function(f"{tmp_path}/bad.py:f")
    (tmp_path / "late.py").write_text("def f(x):\n    return x\n\nf(1) / 0\n")
    with pytest.raises(AicompError, match=r"failed to run: ZeroDivisionError: division by zero \(at .*late.py:4\)"):
        load_function(f"{tmp_path}/late.py:f")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(AicompError, match=r"failed to run: SystemExit: 3 \(at .*leaves.py:2\)"):
        load_function(f"{tmp_path}/leaves.py:f")
    (tmp_path / "wrong.py").write_text("example_inputs = 3\ndef f(x): return x")
    with pytest.raises(InputTypeError, match="is a int; expected a tuple"):
        load_function(f"{tmp_path}/wrong.py:f")
