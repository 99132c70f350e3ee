"""eval/scores.csv is read as it was written."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from issuesum.training.corpus.issue import issue_key
from issuesum.training.evaluation import per_row

TITLES = ["NA", "", 'say "a, b"', "one\rtwo", "drei\nvier", "=1+1", "ü | 😀"]


def _rows() -> pd.DataFrame:
    count = len(TITLES)
    return pd.DataFrame(
        {
            "issue_url": "https://example.com/1",
            "issue_title": [f"title {place}" for place in range(count)],
            "body": [f"Some body with 7 words, {place}" for place in range(count)],
            "predicted": TITLES,
            "score": -0.5,
            "rouge_l": 12.345678,
            "lead": 1.0,
            "neighbour": 2.0,
        }
    )


def test_any_title_comes_back(tmp_path: Path) -> None:
    per_row.write(tmp_path / "scores.csv", _rows())
    per_row.write(tmp_path / "again.csv", _rows())
    content = (tmp_path / "scores.csv").read_bytes()
    assert content == (tmp_path / "again.csv").read_bytes()
    found = per_row.read(io.StringIO(content.decode("utf-8"), newline=""))
    assert list(found["predicted"]) == TITLES
    assert list(found["rouge_l"]) == [12.3457] * len(TITLES)
    assert set(found["words"]) == {6}
    assert found["issue"][0] == issue_key("title 0", "Some body with 7 words, 0").hex()
    assert found["issue"].is_unique


def test_another_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no column issue"):
        per_row.read(io.StringIO("words,rouge_l\n1,2\n"))
