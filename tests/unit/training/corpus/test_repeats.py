"""Keys that are remembered on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.errors import DataError
from issuesum.training.corpus import issue
from issuesum.training.corpus.issue import seen_issues


def test_the_first_row_of_a_key_is_remembered(tmp_path: Path) -> None:
    keys = [number.to_bytes(16, "big") for number in range(5_000)]
    with seen_issues(tmp_path) as first_row:
        assert [first_row(key, row) for row, key in enumerate(keys)] == [None] * len(keys)
        again = [first_row(key, 9_999) for key in reversed(keys)]
    assert again == list(reversed(range(len(keys))))


def test_keys_that_begin_alike_are_not_equal(tmp_path: Path) -> None:
    with seen_issues(tmp_path) as first_row:
        assert first_row(bytes(15) + b"\0", 1) is None
        assert first_row(bytes(15) + b"\1", 2) is None


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    def fail() -> None:
        with seen_issues(tmp_path) as first_row:
            first_row(bytes(16), 1)
            (scratch,) = tmp_path.iterdir()
            assert scratch.name.startswith(".issuesum-")  # what Git and DVC ignore
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pages", [1, 3], ids=["at-once", "later"])
def test_a_full_disk_is_one_line(
    pages: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = f"PRAGMA max_page_count = {pages}"
    monkeypatch.setattr(issue, "_SETUP", f"{limit};{issue._SETUP}")

    def fill() -> None:
        with seen_issues(tmp_path) as first_row:
            for row in range(1_000):
                first_row(row.to_bytes(16, "big"), row)

    with pytest.raises(DataError, match=r"must have room .* Received: database or disk is full\."):
        fill()
    assert list(tmp_path.iterdir()) == []
