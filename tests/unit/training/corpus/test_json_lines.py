"""Feedback that a server kept becomes raw data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from issuesum.errors import DataError
from issuesum.training.corpus.ingest import ingest


def test_rows_of_feedback_are_ingested_and_what_is_no_text_is_rejected(tmp_path: Path) -> None:
    source = tmp_path / "feedback-pod-7.jsonl.1"
    rows = [
        {"issue_url": "", "issue_title": "A, better", "body": 'It "says"\nno', "reward": 1.0},
        {"issue_title": 7, "body": "x"},
        {"issue_title": "Half a \ud83d pair", "body": "of\rsurrogates"},
    ]
    source.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    report = ingest([str(source)], tmp_path / "out.csv", tmp_path / "rejects.csv")
    assert (report.accepted, report.rejected) == (2, {"empty title": 1})
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == (
        'issue_url,issue_title,body\n,"A, better","It ""says""\nno"\n'
        ',Half a ? pair,"of\nsurrogates"\n'
    )


@pytest.mark.parametrize("line", ["{", '{"body": 1} x', "[]"])
def test_a_broken_line_is_reported_and_nothing_replaced(line: str, tmp_path: Path) -> None:
    source, output = tmp_path / "a.jsonl", tmp_path / "out.csv"
    output.write_text("before", encoding="utf-8")
    source.write_text('{"issue_title": "a", "body": "b"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2 of .* must be a JSON object\. Received: "):
        ingest([str(source)], output, tmp_path / "rejects.csv")
    assert output.read_text(encoding="utf-8") == "before"
