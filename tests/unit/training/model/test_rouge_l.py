"""ROUGE-L on ids."""

from __future__ import annotations

import pytest

from issuesum.training.evaluation.metrics import METRICS

pytestmark = pytest.mark.slow  # TensorFlow takes ten seconds to load


def test_it_is_rouge_l_of_the_words_behind_the_ids() -> None:
    from issuesum.training.model.trainer import mean_rouge_l

    words = {1: "crash", 2: "on", 3: "start", 4: "fix", 11: "menu"}
    written = [[1, 2, 3], [4], [4, 1, 11]]
    true = [[1, 3, 2], [1], [11, 4, 1, 11]]
    texts = [[" ".join(words[of] for of in row) for row in side] for side in (written, true)]
    assert mean_rouge_l(written, true) == pytest.approx(sum(METRICS["rouge_l"].of_each(*texts)) / 3)


def test_a_title_without_words_scores_nothing() -> None:
    from issuesum.training.model.trainer import mean_rouge_l

    assert mean_rouge_l([[]], [[5]]) == 0
