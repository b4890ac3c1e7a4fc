"""Tracing: names, nested inputs, constants, weak numbers, in-place updates, locations, errors."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from against_numpy import check, run, sample

from aicomp import ops
from aicomp.compiler import compile
from aicomp.errors import InputTypeError, InputValueError, TraceError, UnsupportedError
from aicomp.frontends.trace import frontend, trace
from aicomp.interpreter import interpret
from aicomp.tree import parse_structure
from aicomp.types import TensorSpec, TensorType

X = sample((2, 3), "float32")
SPEC = TensorSpec((2, 3), "float32")


def names(graph):
    return [value.name for value in graph.inputs]


def test_inputs_and_outputs_are_named():
    def model(x, params, *rest, scale=2.0, flag=True):
        return {"y": x @ params["w"].T * scale, "parts": [rest[0], rest[1] if flag else None]}

    graph = trace(model, SPEC, {"w": X, "a b": (X,)}, X, 3)
    assert names(graph) == ["x", "params.w", "params['a b'][0]", "rest0", "rest1"]
    assert graph.output_names == ("y", "parts[0]", "parts[1]")
    assert graph.name == "model"
    assert parse_structure(graph.structure) == (
        ("*", {"w": "*", "a b": ("*",)}, "*", "*"),
        {"y": "*", "parts": ["*", "*"]},
    )
    assert trace(lambda x: (x, x), X).output_names == ("output0", "output1")
    assert trace(lambda x: x, X, name="f").name == "f"
    assert trace(partial(model, scale=3), X, {"w": X}, X, X).name == "model"
    assert names(trace(np.tanh, X)) == ["x"] or names(trace(np.tanh, X)) == ["x0"]


@pytest.mark.parametrize("examples", [(), (X, X, X)])
def test_wrong_number_of_examples(examples):
    with pytest.raises(InputTypeError, match=r"f\(x, y=1\) does not take"):

        def f(x, y=1):
            return x

        trace(f, *examples)


def test_example_of_a_wrong_kind():
    with pytest.raises(InputTypeError, match=r"example input p\[0\] is a str; expected an array"):
        trace(lambda p: p, ["relu"])


def test_outputs_may_be_inputs_constants_numbers_and_the_same_twice():
    check(lambda x: (x, x, np.arange(3), 2, 1.5, True, [x, None]), X)


def test_none_is_an_empty_input():
    assert names(trace(lambda x, bias: x if bias is None else x + bias, X, None)) == ["x"]


def test_output_of_a_wrong_kind():
    with pytest.raises(TraceError, match="returns a str"):
        trace(lambda x: "x", X)


def test_python_numbers_are_weak():
    check(lambda x, a: x * a, X, 2.0)
    check(lambda x, a, b: (x * (a + b), a / b, a // b, -a, a < b, divmod(a, b)), X, 3, 2)
    check(lambda x, a: x + a**2 / 3, X.astype("f2"), 2.5)
    check(lambda a: (np.sqrt(a), np.add(a, 1)), 2.0)
    check(lambda a, b: a + b, np.float64(2), 1.5)


def test_one_constant_for_each_array():
    weight, small = sample((3, 3), "float32"), np.ones(3, "f4")

    def f(x):
        y = x @ weight @ weight + small
        small[0] = 7
        return y + small

    graph = trace(f, X)
    assert [node.op.name for node in graph.nodes].count("constant") == 3
    small[0] = 1
    expected = X @ weight @ weight + np.ones(3, "f4") + np.array([7, 1, 1], "f4")
    np.testing.assert_allclose(interpret(graph, [X])[0], expected, rtol=1e-6)


def test_in_place_operators_update_all_names():
    def f(x, y):
        z = x + 0
        alias = z
        z += y
        z *= 2
        z -= 1
        z **= 2
        total = y.sum()
        other = total
        total += 1
        return z, alias, total, other

    check(f, X, sample((3,), "float32", 1))
    check(lambda x, i: x.__iadd__(i), X, np.arange(3))


def test_in_place_keeps_the_dtype():
    def f(x, y):
        z = np.copy(x)
        z += y
        return z

    check(f, X, sample((3,), "float64"))
    check(f, X.astype("i4"), sample((3,), "float64"))  # NumPy refuses
    check(f, X, sample((4, 2, 3), "float32"))


def test_in_place_on_constant_arrays():
    def f(x):
        total = np.zeros((2, 3), "f4")
        for i in range(3):
            total += x * i
        return total

    check(f, X)

    def aliased(x):
        total = np.zeros((2, 3), "f4")
        other = total[0]
        total += x
        return other + total

    with pytest.raises(TraceError, match="updated in place"):
        trace(aliased, X)
    with pytest.raises(TraceError, match="out= must be a traced array"):
        trace(lambda x: np.add(x, 1, out=np.zeros((2, 3), "f4")), X)


def test_writing_through_a_view_is_seen():
    def f(x):
        y = x.T
        y += 1
        return x

    with pytest.raises(TraceError, match=r"shares memory with an array written to in place at .*test_trace.py"):
        trace(f, X)

    def g(x):
        y = x.reshape(-1)
        y += 1
        return y, x[[0, 1]] if False else y

    check(g, X)

    def h(x):
        y = x.flatten()
        y += 1
        z = x[[0, 1]]
        z *= 2
        return x, y, z

    check(h, X)


def test_methods():
    def f(x):
        y = np.copy(x)
        y.sort(axis=0)
        z = x.astype(int)
        z.fill(3)
        return [
            x.T, x.mT, x.sum(1), x.mean(), x.max(0), x.min(), x.argmax(1), x.argmin(), x.reshape(3, 2),
            x.reshape((-1,)),
            x.transpose(1, 0), x.transpose(), x.flatten(), x.ravel(), x[:1].squeeze(0), x.clip(0, 1), x.dot(x.T),
            x.copy(),
            x.swapaxes(0, 1), x.repeat(2, 0), x.take([1], 1), x.std(), x.var(0, ddof=1), x.prod(1), (x > 0).any(),
            (x > 0).all(1), x.cumsum(1), x.cumprod(), x.round(1),
            x.argsort(1, kind="stable"), x.diagonal(), x.trace(),
            x.real, x.imag, abs(-x), +x, round(x[0, 0] / 7, 1), x.size, x.ndim, len(x),
            x.nbytes, x.itemsize, list(x), y, z,
            x.view("i4"), x.flat[1], x.conj(), x[0].searchsorted(1),
        ]  # fmt: skip

    check(f, X)


def test_multi_dot_takes_the_cheapest_order():
    sizes = (30, 35, 15, 5, 10, 20, 25)  # the example of Cormen et al.: ((A1 (A2 A3)) ((A4 A5) A6)), 15125 products
    arrays = [sample(shape, "float64") / 100 for shape in pairwise(sizes)]
    check(lambda *xs: np.linalg.multi_dot(xs), *arrays, tolerance=1e-11)
    dots = [node for node in trace(lambda *xs: np.linalg.multi_dot(xs), *arrays).nodes if node.op.name == "dot"]
    assert sum(a.shape[0] * a.shape[1] * b.shape[1] for a, b in (node.inputs for node in dots)) == 15125


def test_operators():
    i, j = sample((4,), "int32"), np.abs(sample((4,), "int32", 1)) % 5
    check(lambda i, j: (i & j, i | j, i ^ j, ~i, i << j, i >> j, i // j, i % j, divmod(i, j), -i, i @ j, 2**j), i, j)
    check(lambda x: (1 - x, 2 / x, 3 // x, 5 % x, 2.0 ** (x / 8), X.T @ x, x * [1, 2, 3], np.float64(2) * x), X)
    check(lambda x: (x == 1, x != 1, x < 2, x >= 2, x < 0, x >= np.arange(3)), X)


def test_location_is_the_users_line():
    def layer(x):
        return np.tanh(x.mean(axis=0))

    for node in trace(lambda x: layer(x), X).nodes:
        assert node.loc.file == __file__
        assert node.loc.code == "return np.tanh(x.mean(axis=0))"


def test_ill_typed_code_names_the_line():
    for function in (lambda x: x @ x, lambda x: x.sum(axis=5), lambda x: x + np.ones(7)):
        with pytest.raises((TraceError, ValueError)) as error:
            trace(function, X)
        assert "test_trace.py" in str(error.value)


def test_unsupported_functions_are_listed_all_at_once():
    def f(x):
        y = np.fft.fft(x)
        z = np.linalg.inv(x @ x.T)
        w = np.unique(z)
        return y.real + z.sum(), w, np.gcd(x.astype(int), 2)

    with pytest.raises(UnsupportedError) as error:
        trace(f, X)
    message = str(error.value)
    for name in ("np.linalg.inv", "np.unique", "np.gcd"):
        assert name in message
    assert message.count("test_trace.py:") >= 3
    assert "outside the function" in message


def test_unsupported_functions_do_not_touch_constants():
    table = np.ones((2, 3), "f4")
    with pytest.raises(UnsupportedError, match=r"np.copyto at .*np.broadcast_to"):
        trace(lambda x: np.copyto(table, x) or np.full((2, 3), x, dtype="f4"), X)
    assert np.all(table == 1)


@pytest.mark.parametrize("other", [1j, "a", None, slice(3), np.array("2020", "M8[Y]")], ids=str)
def test_operands_without_a_dtype_are_refused(other):
    with pytest.raises(TraceError, match=r"(?s)np.add: .*test_trace.py.*x \+ other"):
        trace(lambda x: x + other, X)


def test_unsupported_function_before_another_failure():
    with pytest.raises(UnsupportedError, match=r"np.nonzero at .*np.where\(mask"):
        trace(lambda x: x[np.nonzero(x > 100)[0]].reshape(5), X)


CONTROL = [
    (lambda x: 1 if x.sum() > 0 else 2, "ac.cond"),
    (lambda x: x.any() and x, "np.logical_and"),
    (lambda x: max(x[0, 0], x[0, 1]), "np.maximum"),
    (lambda x: [i for i in range(x.sum())], "ac.scan"),
    (lambda x: float(x.sum()), "astype"),
    (lambda x: int(x.sum()), "astype"),
    (lambda x: x.sum().item(), "np.* and ac.ops"),
    (lambda x: np.asarray(x), "drop it"),
    (lambda x: np.array([x[0], x[1]]), "np.stack"),
    (lambda x: f"{x[0, 0]:.2f}", "formatting"),
    (lambda x: 3 in x, "np.any"),
    (lambda x: sorted(x[0]), "np.sort"),
    (lambda x: {x: 1}, None),
    (lambda x: np.full((2,), x[0, 0]), "np.broadcast_to"),
    (lambda x: len(x[0, 0]), "no length"),
    (lambda x: list(x[0, 0]), "cannot be iterated"),
    (lambda x: np.arange(x.sum()), "unknown while tracing"),
    (lambda x: np.zeros(int(x.sum())), "astype"),
]


@pytest.mark.parametrize(("function", "advice"), CONTROL)
def test_python_control_flow_on_values(function, advice):
    if advice is None:
        with pytest.raises(TypeError, match="unhashable"):
            trace(function, X)
        return
    with pytest.raises(TraceError) as error:
        trace(function, X)
    assert advice in str(error.value)
    assert "test_trace.py:" in str(error.value)
    assert "(lambda x:" in str(error.value)


def test_while_statement_names_while_loop():
    def f(x):
        while x.sum() < 10:
            x = x * 2
        return x

    with pytest.raises(TraceError, match=r"(?s)ac.while_loop.*while x.sum\(\) < 10:"):
        trace(f, X)


def test_leaked_and_foreign_tracers():
    kept = []
    trace(lambda x: kept.append(x) or x, X)
    with pytest.raises(TraceError, match="after its trace"):
        kept[0] + 1
    with pytest.raises(TraceError, match="after its trace"):
        trace(lambda x: x + kept[0], X)

    def outer(x):
        return trace(lambda y: x + y, X)

    with pytest.raises(TraceError, match="another trace"):
        trace(outer, X)
    trace(lambda x: x + interpret(trace(lambda y: y * 2, X), [X])[0], X)


def test_ops_on_tracers_and_arrays():
    weight = sample((4, 3), "float32", 5)
    check(lambda x: ops.linear(x, weight), X)
    check(lambda x: ops.relu(x) + ops.softmax(x, axis=0), X)
    with pytest.raises(ValueError, match=r"test_trace.py"):
        trace(lambda x: ops.matmul(x, weight.astype("f8").T), X)


def test_repr_and_print_are_allowed(capsys):
    trace(lambda x: print(x, f"{x}") or x, X)
    assert capsys.readouterr().out == "Tracer f32[2,3] Tracer f32[2,3]\n"


def test_specs_and_types_are_examples():
    assert trace(lambda x, y: x + y, SPEC, TensorType((3,), np.dtype("f4"))).output_types[0].shape == (2, 3)


@pytest.mark.parametrize("example_inputs", [X, SPEC, 3])
def test_examples_are_a_tuple(example_inputs):
    with pytest.raises(InputTypeError, match="example_inputs is a tuple, one example a parameter"):
        compile(lambda x: x, example_inputs)


@pytest.mark.parametrize("shape", [(2, None), "ab", (2.5,), None, (2, -1), -1])
def test_specs_have_known_sizes(shape):
    with pytest.raises((InputTypeError, InputValueError), match="shapes are static"):
        TensorSpec(shape)


def test_frontend():
    assert frontend.accepts(np.tanh) and frontend.accepts("model.py:forward") and frontend.accepts(Path("a.py:f"))
    assert not frontend.accepts("model.onnx") and not frontend.accepts(3)
    assert frontend.import_model(lambda x: x, (X,)).output_types[0] == TensorType((2, 3), np.dtype("f4"))
    with pytest.raises(InputTypeError, match="needs example_inputs"):
        frontend.import_model(lambda x: x, None)


def test_run_gives_leaves():
    assert run(lambda x: {"a": x}, [X])[1] == {"a": "*"}
