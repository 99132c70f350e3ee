"""The split's summary as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.errors import ArtifactError
from issuesum.training.corpus.shards import SplitSummary


def test_a_summary_survives_its_file(tmp_path: Path) -> None:
    summary = SplitSummary(9, {"empty body": 2}, 1, 4, 1, 1)
    summary.save(tmp_path / "summary.json")
    assert SplitSummary.load(tmp_path / "summary.json") == summary


WRONG = '{"rows": 9, "rejected": 3, "repeated": 1, "train": 4, "validation": 1, "test": 1}'


@pytest.mark.parametrize(
    "content", [None, "", "[]", '{"rows": 1}', '{"rows": 1, "more": 2}', WRONG]
)
def test_what_is_no_summary_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "summary.json").write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"summary.json must be the split stage's summary"):
        SplitSummary.load(tmp_path / "summary.json")
