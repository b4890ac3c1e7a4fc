"""Parameters: how they are found, named, loaded, converted and saved."""

import numpy as np
import pytest

from aicomp import nn
from aicomp.errors import AicompError


class Block(nn.Module):
    def __init__(self, rng):
        self.linear = nn.Linear(3, 3, rng=rng)
        self.scale = np.ones(3, np.float32)
        self.steps = 2
        self._cache = np.zeros(9)

    def __call__(self, x):
        return self.linear(x) * self.scale


class Model(nn.Module):
    def __init__(self, rng):
        self.blocks = [Block(rng), Block(rng)]
        self.heads = {"a": nn.Linear(3, 2, bias=False, rng=rng)}
        self.pair = (nn.Linear(3, 1, rng=rng), np.ones(4))
        self.tables = [np.arange(3)]

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return self.heads["a"](x)


NAMES = [
    "blocks.0.linear.weight", "blocks.0.linear.bias", "blocks.0.scale",
    "blocks.1.linear.weight", "blocks.1.linear.bias", "blocks.1.scale",
    "heads.a.weight", "pair.0.weight", "pair.0.bias", "tables.0",
]  # fmt: skip


@pytest.fixture
def model():
    return Model(np.random.default_rng(0))


def test_names_follow_attributes_in_the_order_they_were_set(model):
    assert list(model.parameters) == NAMES
    assert model.parameters["blocks.1.scale"] is model.blocks[1].scale
    assert repr(model) == f"<Model: 10 parameters, {sum(a.size for a in model.parameters.values())} elements>"


def test_sequential_counts():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    assert list(model.parameters) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(model) == 3
    assert model[-1] is list(model)[2]
    assert model(np.ones((5, 4), np.float32)).shape == (5, 2)


@pytest.mark.parametrize("how", ["safetensors", "npz"])
def test_saved_and_loaded(model, how, tmp_path):
    if how == "npz":
        np.savez(tmp_path / "w", **model.parameters)
        other = Model(1).load_npz(tmp_path / "w.npz")
    else:
        model.save_safetensors(tmp_path / "w")
        other = Model(1).load_safetensors(tmp_path / "w")
    x = np.ones((2, 3), np.float32)
    assert np.array_equal(other(x), model(x))
    assert all(np.array_equal(a, other.parameters[name]) for name, a in model.parameters.items())


def test_loading_converts_to_the_parameters_dtype(model):
    halves = {name: a.astype(np.float16 if a.dtype == np.float32 else a.dtype) for name, a in model.parameters.items()}
    model.load_parameters(halves)
    assert model.blocks[0].scale.dtype == np.float32


def test_missing_unknown_and_misshapen_parameters_are_named(model):
    arrays = model.parameters
    with pytest.raises(AicompError, match=r"Model missing: blocks\.0\.scale$"):
        model.load_parameters({name: a for name, a in arrays.items() if name != "blocks.0.scale"})
    with pytest.raises(AicompError, match=r"Model unknown: z$"):
        model.load_parameters(arrays | {"z": np.ones(1)})
    with pytest.raises(AicompError, match=r"scale \(got float32\[4\], expected float32\[3\]\)"):
        model.load_parameters(arrays | {"blocks.0.scale": np.ones(4, np.float32)})
    with pytest.raises(AicompError, match=r"tables\.0 \(got float32\[3\], expected int64\[3\]\)"):
        model.load_parameters(arrays | {"tables.0": np.ones(3, np.float32)})
    with pytest.raises(AicompError, match="and 5 more"):
        model.load_parameters({})


def test_a_failed_load_changes_nothing(model):
    before = dict(model.parameters)
    changed = {name: a + 1 for name, a in before.items()} | {"tables.0": np.ones(3, np.float32)}
    with pytest.raises(AicompError):
        model.load_parameters(changed)
    assert all(model.parameters[name] is a for name, a in before.items())


def test_without_strict_names_may_differ(model):
    before = model.parameters["blocks.1.scale"]
    model.load_parameters({"blocks.0.scale": np.zeros(3, np.float32), "z": np.ones(1)}, strict=False)
    assert not model.blocks[0].scale.any()
    assert model.blocks[1].scale is before


def test_pytorch_counts_of_batches_are_ignored():
    norm = nn.BatchNorm2d(3)
    norm.load_parameters(norm.parameters | {"num_batches_tracked": np.array(7)})


def test_tied_weights_may_be_saved_once():
    class Tied(nn.Module):
        def __init__(self):
            self.embed = nn.Embedding(4, 3)
            self.head = nn.Linear(3, 4, bias=False)
            self.head.weight = self.embed.weight

    weight = np.arange(12, dtype=np.float32).reshape(4, 3)
    model = Tied().load_parameters({"embed.weight": weight})
    assert np.array_equal(model.head.weight, weight)


def test_astype_converts_floats(model):
    model.astype("float16")
    assert {a.dtype.name for a in model.parameters.values()} == {"float16", "int64"}
    assert model(np.ones((1, 3), np.float16)).dtype == np.float16


def test_a_module_says_that_it_cannot_be_called():
    with pytest.raises(NotImplementedError, match="Module does not define __call__"):
        nn.Module()(1)
