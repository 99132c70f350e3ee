"""Sides that do not move."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from issuesum.corpus.issue import COLUMNS, issue_key
from issuesum.corpus.shards import SIDES, read_head, read_shards
from issuesum.corpus.splitting import SplitSummary, side_of, split_csv
from issuesum.errors import DataError

ISSUES = [(f"https://example.com/{n}", f"title {n}", f"body of {n}") for n in range(400)]


def _split(tmp_path: Path, rows: list[tuple[str, str, str]], name: str = "a", shard: int = 100):
    source = tmp_path / f"{name}.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    targets = {side: tmp_path / name / side for side in SIDES}
    for folder in targets.values():
        folder.mkdir(parents=True)
    summary = split_csv(source, targets, validation=0.1, test=0.1, shard_rows=shard)
    return summary, {side: pd.concat(read_shards(targets[side])) for side in SIDES}, targets


def test_every_row_stands_on_one_side(tmp_path: Path) -> None:
    summary, sides, _ = _split(tmp_path, ISSUES)
    found = pd.concat(sides.values())["issue_url"]
    assert sorted(found) == sorted(url for url, _, _ in ISSUES)
    assert summary == SplitSummary(400, 0, *(len(sides[side]) for side in SIDES))
    assert 20 <= summary.test <= 60
    assert 20 <= summary.validation <= 60


def test_old_rows_stay_when_rows_are_added_or_reordered(tmp_path: Path) -> None:
    _, before, _ = _split(tmp_path, ISSUES[:300])
    _, after, _ = _split(tmp_path, ISSUES[::-1], "b", shard=37)
    for side in SIDES:
        assert set(before[side]["issue_url"]) <= set(after[side]["issue_url"])


def test_appended_rows_touch_only_the_last_shards(tmp_path: Path) -> None:
    _, _, before = _split(tmp_path, ISSUES[:250])
    _, _, after = _split(tmp_path, ISSUES, "b")
    for side in SIDES:
        for number in range(2):
            name = f"part-{number:05d}.parquet"
            assert (before[side] / name).read_bytes() == (after[side] / name).read_bytes()


def test_the_first_of_equal_issues_is_kept_and_the_others_are_counted(tmp_path: Path) -> None:
    again = [("https://mirror.example.com/7", "Title  7 ", "BODY of\n7"), ISSUES[8]]
    summary, sides, _ = _split(tmp_path, [*ISSUES, *again])
    assert (summary.rows, summary.repeated) == (402, 2)
    assert "https://mirror.example.com/7" not in set(pd.concat(sides.values())["issue_url"])


def test_texts_that_look_like_missing_values_stay_texts(tmp_path: Path) -> None:
    rows = [(url, "NA", f"null {body}") for url, _, body in ISSUES]
    _, sides, _ = _split(tmp_path, rows)
    assert set(pd.concat(sides.values())["issue_title"]) == {"NA"}


def test_sides_follow_the_key_alone() -> None:
    key = issue_key("A title", "a body")
    assert key == issue_key("a TITLE", " a\n body ")
    assert key != issue_key("a title a", "body")
    assert side_of(bytes(16), validation=0.1, test=0.1) == "test"
    assert side_of(b"\x20" + bytes(15), validation=0.1, test=0.1) == "validation"
    assert side_of(b"\xff" * 16, validation=0.1, test=0.1) == "train"


def test_an_empty_side_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Every side must hold at least one issue"):
        _split(tmp_path, ISSUES[:2])


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "issue_url,issue_title\n1,2\n"])
def test_a_file_that_ingest_did_not_write_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"raw.csv must be a CSV with the columns issue_url"):
        split_csv(tmp_path / "raw.csv", {}, validation=0.1, test=0.1, shard_rows=10)


def test_head_reads_across_shards(tmp_path: Path) -> None:
    _, sides, targets = _split(tmp_path, ISSUES, shard=50)
    head = read_head(targets["train"], 60)
    assert list(head["issue_url"]) == list(sides["train"]["issue_url"])[:60]
    assert len(read_head(targets["test"], 10_000)) == len(sides["test"])
