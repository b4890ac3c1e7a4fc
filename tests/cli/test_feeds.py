"""Arrays in and out of files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aicomp.cli.agree import compare
from aicomp.cli.feeds import load_inputs, read_array, save_outputs, summary
from aicomp.errors import InputValueError, ParseError
from aicomp.types import TensorSpec

SPECS = [TensorSpec((2, 3), "float32", "x"), TensorSpec((4,), "int32", "ids")]


def test_inputs_come_from_files_and_the_rest_is_filled(tmp_path: Path) -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "x.npy", x)
    loaded, ids = load_inputs(SPECS, {"x": str(tmp_path / "x.npy")}, "ones", 0)
    assert np.array_equal(loaded, x)
    assert ids.dtype == np.int32 and ids.tolist() == [1, 1, 1, 1]


def test_a_seed_fixes_what_random_means() -> None:
    first, second, other = (load_inputs(SPECS, {}, "random", seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert set(first[1].tolist()) <= {0, 1}


def test_an_unknown_name_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(InputValueError, match="no input 'y'; it has x, ids"):
        load_inputs(SPECS, {"y": "y.npy"}, "ones", 0)


def test_pickles_and_other_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "pickle.npy", np.array([{"a": 1}]), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "empty.npy").write_bytes(b"")
    for name in ("pickle.npy", "text.npy", "empty.npy"):
        with pytest.raises(ParseError, match=name):
            read_array(str(tmp_path / name))


def test_outputs_round_trip(tmp_path: Path) -> None:
    arrays = [np.ones((2, 3), np.float32), np.arange(4, dtype=np.int32)]
    save_outputs(SPECS, arrays, {"ids": str(tmp_path / "ids.bin")})
    assert np.load(tmp_path / "ids.bin").tolist() == [0, 1, 2, 3]


def test_a_summary_counts_what_is_not_finite_and_takes_empty_arrays() -> None:
    specs = [TensorSpec((3,), "float32", "x"), TensorSpec((0,), "float32", "none")]
    rows = summary(specs, [np.array([1, np.nan, np.inf], np.float32), np.zeros(0, np.float32)])
    assert rows[0]["not finite"] == 2 and rows[0]["max"] == "1"
    assert rows[1]["min"] == "nan"


def test_comparison_tells_rounding_from_error() -> None:
    spec = [TensorSpec((2,), "float32", "y")]
    right = np.array([1, 1e-3], np.float32)
    close, wrong = right * np.float32(1 + 1e-6), right + np.float32(0.1)
    assert compare(spec, [right], [close])[0].breach == ""
    assert compare(spec, [right], [wrong])[0].breach
    assert compare(spec, [right], [wrong], atol=0.2)[0].breach == ""
    assert compare(spec, [right], [close], rtol=0.0)[0].breach == "2 of 2 elements differ"


def test_comparison_takes_nan_for_nan_and_refuses_other_shapes() -> None:
    spec = [TensorSpec((1,), "float32", "y")]
    nan = np.array([np.nan], np.float32)
    assert compare(spec, [nan], [nan], rtol=0.0)[0].breach == ""
    assert compare(spec, [nan], [np.zeros((2,), np.float32)], rtol=0.0)[0].breach
