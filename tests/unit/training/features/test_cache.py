"""Entries that appear whole, are found again, and do not pile up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from issuesum.training.features.incremental import KEPT_DAYS, EntryCache

KEYS = FIRST, SECOND, OTHER = ("aa" + "1" * 30, "aa" + "2" * 30, "bb" + "3" * 30)


def _age(path: Path, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(path, (then, then))


def test_what_is_put_is_stored(tmp_path: Path) -> None:
    cache = EntryCache(tmp_path / "cache")
    assert not cache.holds(FIRST)
    cache.put(FIRST, {"x": b"1", "y": b"2"})
    assert cache.holds(FIRST)
    found = {path.name: path.read_bytes() for path in cache.path(FIRST).iterdir()}
    assert (found["x"], found["y"]) == (b"1", b"2")
    assert not cache.holds(SECOND)


def test_a_half_written_entry_is_none(tmp_path: Path) -> None:
    cache = EntryCache(tmp_path)
    left_by_a_killed_run = tmp_path / "aa" / ".issuesum-abc"
    left_by_a_killed_run.mkdir(parents=True)
    assert not cache.holds(FIRST)
    _age(left_by_a_killed_run, KEPT_DAYS + 1)
    cache.prune([])
    assert not left_by_a_killed_run.exists()


def test_entries_unused_for_long_are_removed_unless_this_run_needs_them(tmp_path: Path) -> None:
    cache = EntryCache(tmp_path)
    for key in KEYS:
        cache.put(key, {"x": b""})
        _age(cache.path(key), KEPT_DAYS + 1)
    assert cache.holds(SECOND)  # asking is using
    cache.prune([OTHER])
    assert [key for key in KEYS if cache.path(key).exists()] == [SECOND, OTHER]


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"3")])
@pytest.mark.parametrize("name", ["x", "digest"])
def test_an_entry_that_lost_a_file_or_a_bit_is_not_held(
    name: str, change: Callable[[Path], object], tmp_path: Path
) -> None:
    cache = EntryCache(tmp_path)
    cache.put(FIRST, {"x": b"1"})
    change(cache.path(FIRST) / name)
    assert not cache.holds(FIRST)
    cache.put(FIRST, {"x": b"1"})
    assert cache.holds(FIRST)


def test_what_is_not_ours_is_never_removed(tmp_path: Path) -> None:
    foreign = [tmp_path / "Documents" / "thesis", tmp_path / "aa" / "notes", tmp_path / "x" / "y"]
    for path in foreign:
        path.mkdir(parents=True)
        _age(path, KEPT_DAYS * 2)
    EntryCache(tmp_path).prune([])
    assert all(path.exists() for path in foreign)
