"""Every layer: eager and traced agree, shapes are as documented, seeds repeat; some against NumPy."""

import numpy as np
import pytest

from aicomp import nn, ops
from aicomp.errors import AicompError
from aicomp.frontends.trace import trace
from aicomp.interpreter import interpret
from aicomp.ir import Kind
from aicomp.tree import leaves


def normal(*shape):
    return np.random.default_rng(list(shape)).normal(size=shape).astype(np.float32)


IMAGE = (2, 4, 9, 8)
LAYERS = {
    "linear": (nn.Linear(8, 3), IMAGE, (2, 4, 9, 3)),
    "linear of a vector": (nn.Linear(8, 3, bias=False), (8,), (3,)),
    "conv1d": (nn.Conv1d(4, 6, 3, stride=2, padding=1), (2, 4, 9), (2, 6, 5)),
    "conv2d": (nn.Conv2d(4, 6, (3, 1), padding=(1, 0), groups=2, bias=False), IMAGE, (2, 6, 9, 8)),
    "conv3d": (nn.Conv3d(4, 2, 2, dilation=2), (1, 4, 5, 5, 5), (1, 2, 3, 3, 3)),
    "same": (nn.Conv2d(4, 6, 5, padding="same"), IMAGE, (2, 6, 9, 8)),
    "reflect": (nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), IMAGE, (2, 6, 9, 8)),
    "transposed 1d": (nn.ConvTranspose1d(4, 6, 3, stride=2), (2, 4, 9), (2, 6, 19)),
    "transposed 2d": (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2), IMAGE, (2, 6, 18, 16)),
    "transposed 3d": (nn.ConvTranspose3d(4, 2, 2, bias=False), (1, 4, 2, 2, 2), (1, 2, 3, 3, 3)),
    "max pool": (nn.MaxPool2d(3, 2, 1), IMAGE, (2, 4, 5, 4)),
    "mean pool": (nn.AvgPool2d(2, ceil_mode=True), IMAGE, (2, 4, 5, 4)),
    "adaptive mean": (nn.AdaptiveAvgPool2d((3, None)), IMAGE, (2, 4, 3, 8)),
    "adaptive max": (nn.AdaptiveMaxPool2d(1), IMAGE, (2, 4, 1, 1)),
    "batch norm": (nn.BatchNorm2d(4), IMAGE, IMAGE),
    "layer norm": (nn.LayerNorm((9, 8)), IMAGE, IMAGE),
    "layer norm without bias": (nn.LayerNorm(8, bias=False), IMAGE, IMAGE),
    "rms norm": (nn.RMSNorm(8), IMAGE, IMAGE),
    "group norm": (nn.GroupNorm(2, 4), IMAGE, IMAGE),
    "instance norm": (nn.InstanceNorm2d(4, affine=True), IMAGE, IMAGE),
    "flatten": (nn.Flatten(), IMAGE, (2, 288)),
    "flatten some": (nn.Flatten(0, 1), IMAGE, (8, 9, 8)),
    "flatten nothing": (nn.Flatten(), (0, 4, 9, 8), (0, 288)),
    "identity": (nn.Identity(), IMAGE, IMAGE),
    "dropout": (nn.Dropout(0.9), IMAGE, IMAGE),
    "prelu": (nn.PReLU(4), IMAGE, IMAGE),
    "lstm": (nn.LSTM(8, 5, num_layers=2, bidirectional=True), (3, 2, 8), (3, 2, 10)),
    "gru": (nn.GRU(8, 5, batch_first=True, bias=False), (3, 2, 8), (3, 2, 5)),
    "rnn": (nn.RNN(8, 5, activation="relu"), (3, 2, 8), (3, 2, 5)),
    "attention": (nn.MultiHeadAttention(8, 4, num_kv_heads=2), (2, 5, 8), (2, 5, 8)),
    "encoder": (nn.TransformerEncoderLayer(8, 2, 16), (2, 5, 8), (2, 5, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_eager_and_traced_agree(name):
    layer, shape, expected = LAYERS[name]
    x = normal(*shape)
    eager = leaves(layer(x))
    assert eager[0].shape == expected
    assert eager[0].dtype == np.float32
    traced = interpret(trace(layer, x), [x])
    assert len(traced) == len(eager)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(traced, eager, strict=True))


ACTIVATIONS = [
    (nn.ReLU(), ops.relu), (nn.ReLU6(), ops.relu6), (nn.ELU(alpha=0.5), lambda x: ops.elu(x, alpha=0.5)),
    (nn.SELU(), ops.selu), (nn.CELU(), ops.celu), (nn.GELU(), ops.gelu), (nn.SiLU(), ops.silu),
    (nn.GELU(approximate="tanh"), lambda x: ops.gelu(x, approximate="tanh")), (nn.Sigmoid(), ops.sigmoid),
    (nn.Tanh(), ops.tanh), (nn.HardSigmoid(), ops.hard_sigmoid), (nn.HardSwish(), ops.hard_swish),
    (nn.Softplus(), ops.softplus), (nn.Softsign(), ops.softsign), (nn.Mish(), ops.mish),
    (nn.LeakyReLU(alpha=0.2), lambda x: ops.leaky_relu(x, alpha=0.2)), (nn.Softmax(), ops.softmax),
    (nn.LogSoftmax(axis=1), lambda x: ops.log_softmax(x, axis=1)),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "function"), ACTIVATIONS)
def test_activations_are_the_ops_of_their_name(layer, function):
    x = normal(3, 4)
    assert np.array_equal(layer(x), function(x))
    assert not layer.parameters


def test_prelu_has_a_slope_a_channel():
    layer = nn.PReLU(4)
    layer.weight = np.arange(4, dtype=np.float32)
    x = -np.ones((1, 4, 2), np.float32)
    assert np.array_equal(layer(x)[0, :, 0], [0, -1, -2, -3])


def test_linear_and_embedding():
    linear, table = nn.Linear(3, 2), nn.Embedding(5, 3)
    x, ids = normal(4, 3), np.array([[1, 4], [0, 1]])
    assert np.allclose(linear(x), x @ linear.weight.T + linear.bias, atol=1e-6)
    assert np.array_equal(table(ids), table.weight[ids])


def test_batch_norm_uses_the_running_statistics():
    norm = nn.BatchNorm1d(2)
    norm.load_parameters(
        {"weight": np.array([2, 1.0]), "bias": np.array([0, 1.0]), "running_mean": np.array([3, 0.0]),
         "running_var": np.array([4, 1.0])}
    )  # fmt: skip
    assert np.allclose(norm(np.array([[5, 2]], np.float32)), [[2, 3]], atol=1e-4)


def test_seeds_repeat_and_generators_go_on():
    assert np.array_equal(nn.Linear(3, 3, rng=7).weight, nn.Linear(3, 3, rng=7).weight)
    assert np.array_equal(nn.Linear(3, 3).weight, nn.Linear(3, 3, rng=0).weight)
    rng = np.random.default_rng(7)
    first, second = nn.Linear(3, 3, rng=rng), nn.Linear(3, 3, rng=rng)
    assert not np.array_equal(first.weight, second.weight)
    assert np.abs(first.weight).max() <= 3**-0.5


def test_weights_become_constants_once():
    class Twice(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(4, 4)

        def __call__(self, x):
            return self.linear(self.linear(x))

    graph = trace(Twice(), normal(2, 4))
    assert [node.op.kind for node in graph.nodes].count(Kind.SOURCE) == 2
    assert [value.name for value in graph.inputs] == ["x"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Conv2d(4, 6, 3, padding_mode="mirror"), "padding_mode is 'mirror'"),
        (lambda: nn.Conv2d(4, 6, 3, groups=3), "3 groups"),
        (lambda: nn.ConvTranspose2d(4, 6, 3, groups=3), "3 groups"),
        (lambda: nn.Conv2d(4, 6, (3, 3, 3)), "kernel_size"),
        (lambda: nn.MultiHeadAttention(10, 4), "multiple"),
        (lambda: nn.MultiHeadAttention(8, 4, num_kv_heads=3), "those of 3"),
        (lambda: nn.TransformerEncoderLayer(8, 2, activation="sin"), "activation is 'sin'"),
        (lambda: nn.ReLU(alpha=1)(normal(2)), "alpha"),
    ],
)
def test_errors(make, words):
    with pytest.raises(AicompError, match=words):
        make()
