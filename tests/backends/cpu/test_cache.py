"""The disk cache of machine code: hits, misses, damage, privacy, size."""

import os

import numpy as np
import pytest

import aicomp as ac
from aicomp.backends.cpu.runtime.cache import Cache, default_folder, key_of


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def test_returns_what_was_put_and_nothing_else(cache):
    assert cache.get(key_of("a")) is None
    assert cache.put(key_of("a"), b"code") == b"code"
    assert cache.get(key_of("a")) == b"code"
    assert cache.get(key_of("b")) is None
    assert os.stat(cache.folder).st_mode & 0o777 == 0o700


def test_keys_depend_on_every_part_and_where_parts_end():
    keys = {key_of("ab", "c"), key_of("a", "bc"), key_of("abc"), key_of("abc", "")}
    assert len(keys) == 4


@pytest.mark.parametrize("damage", [b"", b"x" * 10, b"x" * 100])
def test_drops_damaged_entries(cache, damage):
    cache.put(key_of("a"), b"code")
    (cache.folder / key_of("a")).write_bytes(damage)
    assert cache.get(key_of("a")) is None


def test_trusts_no_folder_that_others_can_write_to(cache):
    cache.put(key_of("a"), b"code")
    cache.folder.chmod(0o777)
    assert cache.get(key_of("a")) is None
    cache.put(key_of("b"), b"code")
    assert not (cache.folder / key_of("b")).exists()


def test_goes_without_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "cache")
    assert cache.put(key_of("a"), b"code") == b"code"
    assert cache.get(key_of("a")) is None


def test_trims_the_least_recently_used_first(cache):
    for number, name in enumerate("abc"):
        cache.put(key_of(name), bytes(1000))
        os.utime(cache.folder / key_of(name), (number, number))
    cache.get(key_of("a"))
    cache.trim(limit=2500)
    assert [cache.get(key_of(name)) is not None for name in "abc"] == [True, False, True]


def entries():
    return set(default_folder().iterdir()) if default_folder().exists() else set()


def test_a_second_compilation_takes_its_code_from_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("AICOMP_CACHE_DIR", str(tmp_path))
    x = np.linspace(-2, 2, 9, dtype=np.float32)

    def model(x):
        return np.tanh(x) * 3

    first = ac.compile(model, (x,))(x)
    made = entries()
    assert made
    times = {path: path.stat().st_mtime_ns for path in made}
    for path in made:
        os.utime(path, (1, 1))
    second = ac.compile(model, (x,))(x)
    assert entries() == made
    assert all(path.stat().st_mtime_ns > 2e9 for path in made), times  # each was read again
    assert np.array_equal(first, second)


def test_cache_false_neither_reads_nor_writes(monkeypatch, tmp_path):
    monkeypatch.setenv("AICOMP_CACHE_DIR", str(tmp_path))
    x = np.ones(3, np.float32)
    ac.compile(lambda x: x * 5, (x,), cache=False)(x)
    assert not entries()
