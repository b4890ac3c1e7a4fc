"""Reading and writing weights: round trips, agreement with the safetensors package, and files made to do harm."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

from aicomp.errors import AicompError, ParseError
from aicomp.types import SHORT_NAMES
from aicomp.weights import load_npz, load_safetensors, save_safetensors

safetensors = pytest.importorskip("safetensors.numpy")


def tensors():
    rng = np.random.default_rng(0)
    found = {d.name: (rng.normal(size=(3, 5)) * 50).astype(d) for d in SHORT_NAMES}
    return found | {"empty": np.zeros((0, 4), np.float32), "scalar": np.array(1.5), "a.b/ü": np.arange(3)}


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array)


def test_safetensors_round_trip(tmp_path):
    save_safetensors(tmp_path / "w.safetensors", tensors(), {"format": "np"})
    found = load_safetensors(tmp_path / "w.safetensors")
    same(found, tensors())
    assert not found["float32"].flags.writeable
    assert all(array.flags.aligned for array in found.values())


def test_the_safetensors_package_reads_and_writes_the_same(tmp_path):
    save_safetensors(tmp_path / "ours", tensors(), {"key": "value"})
    same(safetensors.load_file(tmp_path / "ours"), tensors())
    safetensors.save_file(tensors(), tmp_path / "theirs")
    same(load_safetensors(tmp_path / "theirs"), tensors())


def test_safetensors_takes_any_layout(tmp_path):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    save_safetensors(tmp_path / "w", {"t": x.T, "r": x[::-1], "big": x.astype(">f4")})
    same(load_safetensors(tmp_path / "w"), {"t": x.T, "r": x[::-1], "big": x})


def packed(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_tensors_that_the_file_does_not_align_are_copied(tmp_path):
    data = b"\x01" + np.arange(2, dtype="<f4").tobytes()
    header = {"b": entry("BOOL", (1,), (0, 1)), "x": entry("F32", (2,), (1, 9))}
    text = json.dumps(header).encode()
    (tmp_path / "w").write_bytes(packed(text + b" " * (-len(text) % 8), data))
    found = load_safetensors(tmp_path / "w")
    assert found["x"].flags.aligned
    same(found, {"b": np.array([True]), "x": np.arange(2, dtype=np.float32)})


DATA = bytes(8)
HARMFUL = {
    "nothing": b"",
    "no header": b"\x08\0\0",
    "header longer than the file": packed({}, length=1 << 40),
    "header just longer than the file": packed({"x": entry()}, DATA, length=1000),
    "not JSON": packed(b"{]"),
    "not UTF-8": packed(b'{"\xff": 1}'),
    "not an object": packed([1]),
    "nested": packed(b"[" * 100_000),
    "a long number": packed(b'{"x": ' + b"9" * 10_000 + b"}"),
    "a name twice": packed(b'{"x": 1, "x": 2}'),
    "an entry that is a number": packed({"x": 1}),
    "an unknown key": packed({"x": entry() | {"y": 1}}, DATA),
    "no shape": packed({"x": {"dtype": "F32", "data_offsets": [0, 8]}}, DATA),
    "an unknown dtype": packed({"x": entry("F8_E4M3", (8,))}, DATA),
    "a dtype that is a list": packed({"x": entry(["F32"])}, DATA),
    "a negative size": packed({"x": entry(shape=(-2, -1))}, DATA),
    "a size that is a float": packed({"x": entry(shape=(2.0,))}, DATA),
    "a size that is a bool": packed({"x": entry(shape=(True, 2))}, DATA),
    "a shape that is too large": packed({"x": entry(shape=(1 << 62, 4))}, DATA),
    "a size that overflows to what fits": packed({"x": entry(shape=(1 << 62, 4, 0))}, DATA),
    "offsets after the file": packed({"x": entry(offsets=(8, 16))}, DATA),
    "offsets the wrong way round": packed({"x": entry(offsets=(8, 0))}, DATA),
    "three offsets": packed({"x": entry(offsets=(0, 4, 8))}, DATA),
    "an overlap": packed({"x": entry(), "y": entry()}, DATA),
    "a hole": packed({"x": entry(), "y": entry(offsets=(12, 20))}, bytes(20)),
    "data that nothing names": packed({"x": entry()}, bytes(9)),
    "a bool that is 2": packed({"x": entry("BOOL", (8,))}, b"\2" * 8),
}


@pytest.mark.parametrize("what", HARMFUL)
def test_harmful_safetensors_are_refused(what, tmp_path):
    (tmp_path / "bad").write_bytes(HARMFUL[what])
    with pytest.raises(ParseError, match="bad: "):
        load_safetensors(tmp_path / "bad")


def test_npz_round_trip(tmp_path):
    plain = {name: array for name, array in tensors().items() if name != "bfloat16" and "/" not in name}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "w.npz", **plain)
        same(load_npz(tmp_path / "w.npz"), plain)


def test_npz_takes_any_layout(tmp_path):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.savez(tmp_path / "w.npz", t=x.T, big=x.astype(">f4"))
    same(load_npz(tmp_path / "w.npz"), {"t": x.T, "big": x})


def test_npz_of_zeros_may_be_small(tmp_path):
    np.savez_compressed(tmp_path / "w.npz", x=np.zeros(1 << 22, np.float32))
    assert load_npz(tmp_path / "w.npz")["x"].shape == (1 << 22,)


def test_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "w.npz", x=np.array([{}], object))
    with pytest.raises(AicompError, match="pickled Python objects"):
        load_npz(tmp_path / "w.npz")


def npy(shape, data=b"", descr="<f4"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


def archive(path, *entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as found:
        for name, data in entries:
            found.writestr(name, data)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([("x.npy", npy((1 << 40,)))], "does not fit"),
        ([("x.npy", npy((4,), bytes(20)))], "does not fit"),
        ([("x.npy", npy((-4,), bytes(16)))], "does not fit"),
        ([("x.npy", npy((-2, -2), bytes(16)))], "damaged"),
        ([("x.npy", npy((1,), bytes(2), "|V2"))], "not supported"),
        ([("x.npy", b"\x93NUMPY\x03\x00")], "format"),
        ([("x.npy", b"not an array")], "damaged"),
        ([("x.npy", b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535)], "damaged"),
        ([("x.npy", b"\x93NUMPY\x01\x00\x28\x23" + b"(" * 9000)], "damaged"),
        ([("x.npy", npy((1,), bytes(4))), ("x.npy", npy((1,), bytes(4)))], "one name"),
    ],
)
def test_harmful_archives_are_refused(entries, words, tmp_path):
    with pytest.raises(AicompError, match=words):
        load_npz(archive(tmp_path / "w.npz", *entries))


def test_bombs_are_refused_before_they_expand(tmp_path):
    path = archive(tmp_path / "w.npz", ("x.npy", npy((4,), bytes(16))))
    data = bytearray(path.read_bytes())
    size = len(npy((4,), bytes(16)))
    for claim, words in ((size * 1000, "more than it can hold"), ((1 << 31) - 1, "decompression")):
        wrong = bytes(data).replace(struct.pack("<I", size), struct.pack("<I", claim))
        path.write_bytes(wrong)
        with pytest.raises(ParseError, match=words):
            load_npz(path)


def test_what_is_no_archive_or_not_there(tmp_path):
    (tmp_path / "w.npz").write_bytes(b"PK\3\4 and no more")
    for path, words in (("w.npz", "damaged"), ("missing.npz", "No such file")):
        with pytest.raises(AicompError, match=words):
            load_npz(tmp_path / path)
    with pytest.raises(AicompError, match="No such file"):
        load_safetensors(tmp_path / "missing")


def test_saving_refuses_what_the_format_lacks(tmp_path):
    with pytest.raises(AicompError, match="complex64"):
        save_safetensors(tmp_path / "w", {"x": np.ones(2, np.complex64)})
