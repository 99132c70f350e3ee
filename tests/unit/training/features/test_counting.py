"""Counts of all shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issuesum.text.tokens import words
from issuesum.training.features import counting, tokenise
from issuesum.training.features.counting import count_words
from shards import put_entry, shard, small_fields

FIELDS = small_fields()

SHARDS = [
    [(1, "b a", "x y x"), (2, "c", "z x")],
    [(3, "a c", "y w z"), (4, "d", "x")],
]


def _entries(folder: Path, shards: list[list[tuple[int, str, str]]]) -> list[Path]:
    return [put_entry(folder / str(n), shard(rows), FIELDS) for n, rows in enumerate(shards)]


def test_counts_totals_and_growth(tmp_path: Path) -> None:
    found = count_words(_entries(tmp_path, SHARDS), {"body": 10, "title": 10})
    assert list(found["body"].top.items()) == [("x", 4), ("y", 2), ("z", 2), ("w", 1)]
    assert (found["body"].distinct, found["body"].total) == (4, 9)
    assert found["body"].growth.tolist() == [3, 4]
    assert list(found["title"].top.items()) == [
        ("_start_", 4), ("b", 1), ("a", 2), ("_end_", 4), ("c", 2), ("d", 1),
    ]  # fmt: skip
    assert found["title"].growth.tolist() == [5, 6]


def test_of_equally_frequent_words_the_first_are_kept(tmp_path: Path) -> None:
    found = count_words(_entries(tmp_path, SHARDS), {"body": 2, "title": 3})
    assert found["body"].top == {"x": 4, "y": 2}
    assert found["title"].top == {"_start_": 4, "a": 2, "_end_": 4}
    assert found["body"].distinct == 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    texts=st.lists(st.text(alphabet="abcdeé ", min_size=1), min_size=1, max_size=12),
    cut=st.integers(1, 4),
    keep=st.integers(1, 8),
    at_once=st.sampled_from([1, 7, 10**6]),
)
def test_counts_are_those_of_one_counter_however_they_are_taken(
    *,
    texts: list[str],
    cut: int,
    keep: int,
    at_once: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting, "ENTRIES_AT_ONCE", at_once)
    rows = [(n, "t", text) for n, text in enumerate(texts)]
    shards = [rows[n : n + cut] for n in range(0, len(rows), cut)]
    found = count_words(_entries(tmp_path, shards), {"body": keep})["body"]
    plain = Counter(word for text in texts for word in words(text))
    # `most_common` sorts stably, and a Counter keeps the order of first occurrence.
    assert found.top == dict(plain.most_common(keep))
    assert list(found.top) == [word for word in plain if word in found.top]
    assert (found.distinct, found.total) == (len(plain), plain.total())


def test_parts_hold_a_bounded_number_of_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(n, "t", " ".join(f"w{n}x{k}" for k in range(200))) for n in range(40)]
    entries = _entries(tmp_path, [rows[:20], rows[20:]])
    monkeypatch.setattr(counting, "ENTRIES_AT_ONCE", 1000)
    parts: list[int] = []

    def each(count: Callable[..., object], buckets: Iterable[tuple[int, ...]]) -> Iterator[object]:
        for some in buckets:
            parts.append(sum(len(tokenise.read_words(path, some)) for path in entries))
            yield count(some)

    found = count_words(entries, {"body": 9}, each)
    assert found["body"].distinct == 8000
    assert sum(parts) == sum(len(tokenise.read_words(path)) for path in entries)
    assert max(parts) < 2000
