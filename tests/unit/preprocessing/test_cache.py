"""Entries that appear whole, are found again, and do not pile up."""

from __future__ import annotations

import os
import time
from pathlib import Path

from issuesum.preprocessing.cache import KEPT_DAYS, EntryCache

KEYS = ("aa11", "aa22", "bb33")


def _age(path: Path, days: float) -> None:
    then = time.time() - days * 86_400
    os.utime(path, (then, then))


def test_what_is_put_is_held(tmp_path: Path) -> None:
    cache = EntryCache(tmp_path / "cache")
    assert not cache.holds("aa11")
    cache.put("aa11", {"x": b"1", "y": b"2"})
    assert cache.holds("aa11")
    assert {path.name: path.read_bytes() for path in cache.path("aa11").iterdir()} == {
        "x": b"1",
        "y": b"2",
    }
    assert not cache.holds("aa22")


def test_a_half_written_entry_is_none(tmp_path: Path) -> None:
    cache = EntryCache(tmp_path)
    left_by_a_killed_run = tmp_path / "aa" / ".issuesum-abc"
    left_by_a_killed_run.mkdir(parents=True)
    assert not cache.holds("aa11")
    _age(left_by_a_killed_run, KEPT_DAYS + 1)
    cache.prune([])
    assert not left_by_a_killed_run.exists()


def test_entries_unused_for_long_are_removed_unless_this_run_needs_them(tmp_path: Path) -> None:
    cache = EntryCache(tmp_path)
    for key in KEYS:
        cache.put(key, {"x": b""})
        _age(cache.path(key), KEPT_DAYS + 1)
    assert cache.holds("aa22")  # asking is using
    cache.prune(["bb33"])
    assert [key for key in KEYS if cache.path(key).exists()] == ["aa22", "bb33"]
