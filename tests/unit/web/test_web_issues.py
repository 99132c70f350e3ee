"""Where random issues come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, DataError
from issuesum.training.corpus.shards import ShardWriter
from issuesum.web.contract import MAX_BODY
from issuesum.web.issues import load_issues

HEADER = "issue_url,issue_title,body\n"


def test_a_csv_gives_its_usable_issues(tmp_path: Path) -> None:
    csv = tmp_path / "issues.csv"
    rows = f'u,t,"b,\r\nc"\nu,,no title\nu,long,{"x" * (MAX_BODY + 1)}\n,s,d\n'
    csv.write_text(HEADER + rows, encoding="utf-8", newline="")
    assert load_issues(csv, tmp_path) == [("u", "t", "b,\nc"), ("", "s", "d")]


def test_a_csv_goes_before_shards_which_give_theirs(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, shard_rows=2) as writer:
        for row in range(1, 6):
            writer.write(row, ("u", f"title {row}", f"body {row}"))
    assert [issue.body for issue in load_issues(None, tmp_path)] == [
        f"body {n}" for n in range(1, 6)
    ]
    csv = tmp_path / "issues.csv"
    csv.write_text(HEADER + "u,t,b\n", encoding="utf-8")
    assert load_issues(csv, tmp_path) == [("u", "t", "b")]


def test_without_either_there_are_none(tmp_path: Path) -> None:
    assert load_issues(None, tmp_path / "absent") == []


def test_what_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    csv = tmp_path / "issues.csv"
    csv.write_text(HEADER, encoding="utf-8")
    with pytest.raises(DataError, match="must hold an issue with a title and a body"):
        load_issues(csv, tmp_path)
    with pytest.raises(DataError, match="must be a file that can be read"):
        load_issues(tmp_path / "absent.csv", tmp_path)
    (tmp_path / "part-00000.parquet").write_bytes(b"nonsense")
    with pytest.raises(ArtifactError, match="must be a Parquet shard"):
        load_issues(None, tmp_path)
