"""Tables as plain text, and numbers with units."""

from __future__ import annotations

import pytest

from aicomp.cli.show import plain, seconds, size


def test_plain_tables_align_numbers_right() -> None:
    rows = [{"name": "a", "n": 1}, {"name": "longer", "n": 100}]
    assert plain(rows) == "name      n\na         1\nlonger  100"


def test_a_table_without_rows_is_empty() -> None:
    assert plain([]) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(2.0, "2 s"), (1.25e-3, "1.25 ms"), (0.25, "250 ms"), (4e-6, "4 us"), (5e-8, "50 ns")]
)
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(12, "12 B"), (4096, "4.1 KB"), (3.2e9, "3.2 GB")])
def test_size(value: float, text: str) -> None:
    assert size(value) == text
