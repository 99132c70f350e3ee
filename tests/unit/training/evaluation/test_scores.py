"""Scores against values worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from issuesum.training.evaluation.baselines import lead, neighbour
from issuesum.training.evaluation.metrics import METRICS, score

_SETTINGS = SimpleNamespace(lead_words=3)
_TRAIN = pd.DataFrame(
    {
        "issue_title": ["login hangs", "empty pdf"],
        "body": ["the login page hangs", "export to pdf is empty"],
    }
)


def test_rouge_of_titles_worked_out_by_hand() -> None:
    # 2 of 3 words and 1 of 2 pairs are shared; the longest common subsequence has 2 words.
    found = score(["app crashes often"], ["App crashes!"])
    assert found["rouge_1"] == pytest.approx(100 * 2 * (2 / 3) / (2 / 3 + 1), abs=1e-3)
    assert found["rouge_2"] == pytest.approx(100 * 2 * (1 / 2) / (1 / 2 + 1), abs=1e-3)
    assert found["rouge_l"] == found["rouge_1"]


def test_equal_titles_score_100_in_any_script() -> None:
    titles = ["ошибка при входе в систему", "the app crashes on start"]
    assert score(titles, titles) == dict.fromkeys(METRICS, 100)


def test_nothing_in_common_scores_0() -> None:
    assert score(["one two"], ["three four"]) == dict.fromkeys(METRICS, 0)


def test_each_title_has_its_own_rouge_l() -> None:
    assert METRICS["rouge_l"].of_each(["a b", "x"], ["a b", "y"]) == [100.0, 0.0]


def test_lead_takes_the_first_words() -> None:
    bodies = ["The app, v2.0, crashes", ""]
    assert lead(_TRAIN, bodies, _SETTINGS) == ["the app v2.0", ""]


def test_neighbour_takes_the_title_of_the_most_similar_body() -> None:
    bodies = ["my pdf export came out empty", "the page to login hangs"]
    assert neighbour(_TRAIN, bodies, _SETTINGS) == ["empty pdf", "login hangs"]
