"""Recurrent layers against loops over time in float64, gates in PyTorch's order."""

import numpy as np
import pytest
from recorded import names, normal, primitives, tensor

from aicomp import ops
from aicomp.errors import AicompError

T, N, I, H = 5, 3, 4, 6


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer(gates):
    """x, w_ih, w_hh, b_ih, b_hh of a layer, and h0, c0."""
    size = gates * H
    weights = [normal(size, I), normal(size, H), normal(size, seed=1), normal(size, seed=2)]
    return normal(T, N, I), weights, normal(N, H, seed=3), normal(N, H, seed=4)


def loop(x, weights, states, step, reverse=False):
    """Run step(x @ w_ih.T + b_ih, h, ...) over time; it returns the next states, the first of them the output."""
    w_ih, _, b_ih, _ = (w.astype(np.float64) for w in weights)
    ys = [np.zeros(0)] * len(x)
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        states = step(x[t] @ w_ih.T + b_ih, *states)
        ys[t] = states[0]
    return np.stack(ys), *states


def lstm_step(w_hh, b_hh):
    def step(inputs, h, c):
        i, f, g, o = np.split(inputs + h @ w_hh.T + b_hh, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    return step


def gru_step(w_hh, b_hh, linear_before_reset=True):
    def step(inputs, h):
        (x_r, x_z, x_n), (h_r, h_z, h_n) = (np.split(g, 3, -1) for g in (inputs, h @ w_hh.T + b_hh))
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * h_n)
        if not linear_before_reset:
            n = np.tanh(x_n + (r * h) @ w_hh[2 * H :].T + b_hh[2 * H :])
        return ((1 - z) * n + z * h,)

    return step


def rnn_step(w_hh, b_hh, function):
    return lambda inputs, h: (function(inputs + h @ w_hh.T + b_hh),)


def check(results, expected):
    assert len(results) == len(expected)
    for result, wanted in zip(results, expected, strict=True):
        assert result.dtype == np.float32
        assert np.allclose(result, wanted, atol=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("stateful", [False, True])
def test_lstm(stateful, reverse):
    x, weights, h, c = layer(4)
    states = (h, c) if stateful else ()
    zeros = np.zeros((N, H))
    expected = loop(x, weights, states or (zeros, zeros), lstm_step(weights[1], weights[3]), reverse)
    check(ops.lstm(x, *weights, *states, reverse=reverse), expected)


@pytest.mark.parametrize("linear_before_reset", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_gru(reverse, linear_before_reset):
    x, weights, h, _ = layer(3)
    expected = loop(x, weights, (h,), gru_step(weights[1], weights[3], linear_before_reset), reverse)
    results = ops.gru(x, *weights, h, reverse=reverse, linear_before_reset=linear_before_reset)
    check(results, expected)


@pytest.mark.parametrize(("activation", "function"), [("tanh", np.tanh), ("relu", lambda x: np.maximum(x, 0))])
def test_rnn(activation, function):
    x, weights, h, _ = layer(1)
    weights[1] = weights[1] / 4
    expected = loop(x, weights, (h,), rnn_step(weights[1], weights[3], function))
    check(ops.rnn(x, *weights, h, activation=activation), expected)


def test_batch_first_swaps_time_and_batch():
    x, weights, *_ = layer(4)
    y, h, c = ops.lstm(x, *weights)
    swapped = ops.lstm(x.swapaxes(0, 1), *weights, batch_first=True)
    check(swapped, (y.swapaxes(0, 1), h, c))


@pytest.mark.parametrize(("op", "gates"), [(ops.lstm, 4), (ops.gru, 3), (ops.rnn, 1)])
def test_biases_are_optional(op, gates):
    x, weights, *_ = layer(gates)
    zeros = np.zeros(gates * H, np.float32)
    check(op(x, *weights[:2]), op(x, *weights[:2], zeros, zeros))
    check(op(x, *weights[:3]), op(x, *weights[:3], zeros))


@pytest.mark.parametrize(("op", "gates"), [(ops.lstm, 4), (ops.gru, 3)])
def test_halves_keep_their_states_in_float32(op, gates):
    x, weights, *_ = layer(gates)
    halves = [each.astype(np.float16) for each in (x, *weights)]
    results = op(*halves)
    exact = op(*(each.astype(np.float32) for each in halves))
    assert all(result.dtype == np.float16 for result in results)
    assert all(np.array_equal(a, b.astype(np.float16)) for a, b in zip(results, exact, strict=True))


def test_no_steps_return_the_initial_states():
    x, weights, h, c = layer(4)
    y, last, cell = ops.lstm(x[:0], *weights, h, c)
    assert y.shape == (0, N, H)
    assert np.array_equal(last, h)
    assert np.array_equal(cell, c)


@pytest.mark.parametrize(("op", "gates"), [(ops.lstm, 4), (ops.gru, 3), (ops.rnn, 1)])
def test_the_inputs_are_projected_in_one_product_before_the_loop(op, gates):
    results = op(tensor(T, N, I), tensor(gates * H, I), tensor(gates * H, H))
    nodes = primitives(results[0])
    assert [n.outputs[0].shape for n in nodes if n.op.name == "matmul"] == [(T, N, gates * H)]
    (body,) = (node.regions[0] for node in nodes if node.op.name == "scan")
    inside = names(*body.outputs)
    assert inside.count("matmul") == 1
    assert "transpose" not in inside


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.lstm(normal(T, N, I), normal(4 * H, I + 1), normal(4 * H, H)), r"w_ih has shape \(24, 5\)"),
        (lambda: ops.gru(normal(T, N, I), normal(4 * H, I), normal(4 * H, H)), r"expected \(18, 4\)"),
        (lambda: ops.rnn(normal(T, I), normal(H, I), normal(H, H)), "expected 3 axes"),
        (lambda: ops.rnn(normal(T, N, I), normal(H, I), normal(H, H), normal(H + 1)), "b_ih has shape"),
        (lambda: ops.rnn(normal(T, N, I), normal(H, I), normal(H, H), activation="sin"), "tanh or relu"),
    ],
)
def test_errors(call, words):
    with pytest.raises(AicompError, match=words):
        call()
