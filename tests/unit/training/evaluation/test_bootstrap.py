"""Intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
import sacrebleu

from issuesum.training.evaluation.bootstrap import (
    intervals,
    mean_interval,
    paired_difference,
    unpaired_difference,
)
from issuesum.training.evaluation.metrics import METRICS, score, score_of, statistics
from report_sides import rows


def _statistics(**how) -> np.ndarray:
    table = rows(120, **how)
    return statistics(list(table["predicted"]), list(table["issue_title"]))


def test_95_in_100_intervals_hold_the_true_mean() -> None:
    generator = np.random.default_rng(0)
    found = [mean_interval(generator.gamma(2.0, 3.0, size=80), resamples=300) for _ in range(400)]
    held = np.mean([of.low <= 6.0 <= of.high for of in found])
    assert 0.91 <= held <= 0.98


def test_two_equal_models_differ_by_more_than_chance_rarely() -> None:
    seeds = range(30)
    wrong = [
        paired_difference(_statistics(seed=2 * s), _statistics(seed=2 * s + 1), resamples=200)
        for s in seeds
    ]
    assert sum(of["rouge_l"].excludes_zero for of in wrong) <= 5  # 1 or 2 are expected


def test_a_better_model_differs_from_chance_in_every_score() -> None:
    found = paired_difference(_statistics(seed=1, right=0.8), _statistics(seed=2, right=0.5))
    more_is_better = [of for key, of in found.items() if METRICS[key].better > 0]
    assert all(of.low > 0 and of.low < of.value < of.high for of in more_is_better)
    assert len(more_is_better) == 4
    back = paired_difference(_statistics(seed=2, right=0.5), _statistics(seed=1, right=0.8))
    assert back["bleu"].high < 0
    assert back["bleu"].excludes_zero


def test_pairs_take_out_what_makes_an_issue_hard() -> None:
    before = _statistics(seed=1)
    now = before.copy()
    now[::10, 2] += 10  # ROUGE-L
    paired = paired_difference(now, before)["rouge_l"]
    unpaired = unpaired_difference(now, before)["rouge_l"]
    assert paired.value == unpaired.value == pytest.approx(1.0, abs=1e-3)
    assert paired.excludes_zero
    assert not unpaired.excludes_zero


def test_equal_inputs_give_equal_intervals_and_a_difference_of_nothing() -> None:
    one, other = _statistics(seed=1), _statistics(seed=1)
    assert intervals(one) == intervals(other)
    assert intervals(one) != intervals(_statistics(seed=3))
    assert {(of.value, of.low, of.high) for of in paired_difference(one, other).values()} == {
        (0.0, 0.0, 0.0)
    }


def test_values_are_the_scores_themselves() -> None:
    table = rows(50)
    titles, references = list(table["predicted"]), list(table["issue_title"])
    found = intervals(statistics(titles, references))
    assert {name: of.value for name, of in found.items()} == score(titles, references)
    bleu = sacrebleu.corpus_bleu(titles, [references], tokenize="none", force=True).score
    assert found["bleu"].value == pytest.approx(bleu, abs=1e-4)
    assert found["rouge_l"].value == pytest.approx(table["rouge_l"].mean(), abs=1e-4)


def test_titles_without_a_right_word_have_a_score() -> None:
    sums = statistics(["nothing here"], ["other words"]).sum(axis=0)
    assert score_of(sums, 1)["rouge_l"] == 0
    assert intervals(statistics([""], ["a b"]))["bleu"].high == 0
