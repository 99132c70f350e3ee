"""Scores against values worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from issuesum.training.evaluation.baselines import lead, neighbour
from issuesum.training.evaluation.metrics import METRICS, score

OVERLAP = [key for key, metric in METRICS.items() if metric.better > 0]
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
    expected = {**dict.fromkeys(OVERLAP, 100), "dangling": 0, "length": 100}
    assert score(titles, titles) == expected


def test_nothing_in_common_scores_0() -> None:
    expected = {**dict.fromkeys(OVERLAP, 0), "dangling": 0, "length": 100}
    assert score(["one two"], ["three four"]) == expected


def test_titles_that_are_badly_made_are_counted() -> None:
    titles = ["add support for", "The app, crashes", "", "login hangs on the page of a user"]
    bodies = ["we need it", "the app crashes when I press save", "x", "what?"]
    found = score(titles, ["a b c d"] * 4, bodies=bodies, max_words=8)
    assert found["dangling"] == 25
    assert found["opening"] == 50, "the empty one too"
    assert found["at_limit"] == 25
    assert found["length"] == 100 * (3 + 3 + 8) / 16


def test_what_is_not_known_of_the_titles_has_no_score() -> None:
    assert {"at_limit", "opening"}.isdisjoint(score(["a"], ["a"]))
    assert "at_limit" in score(["a"], ["a"], max_words=1)


def test_a_word_that_authors_end_with_is_no_function_word() -> None:
    dutch = [
        "de knop is grijs",
        "weet niet wat dit is",
        "geen idee wie dat is",
        "het licht gaat aan",
    ]
    assert score(["kijk waar hij is"], dutch[1:2])["dangling"] == 0
    assert score(dutch, dutch)["dangling"] == 0
    assert score(["the button is"] * 4, ["the button is grey"] * 4)["dangling"] == 100


def test_each_title_has_its_own_rouge_l() -> None:
    assert METRICS["rouge_l"].of_each(["a b", "x"], ["a b", "y"]) == [100.0, 0.0]


def test_lead_takes_the_first_words() -> None:
    bodies = ["The app, v2.0, crashes", ""]
    assert lead(_TRAIN, bodies, _SETTINGS) == ["the app v2.0", ""]


def test_neighbour_takes_the_title_of_the_most_similar_body() -> None:
    bodies = ["my pdf export came out empty", "the page to login hangs"]
    assert neighbour(_TRAIN, bodies, _SETTINGS) == ["empty pdf", "login hangs"]
