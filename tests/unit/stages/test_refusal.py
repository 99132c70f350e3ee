"""A refusal is told from a failure by its line."""

from __future__ import annotations

from issuesum.lineage.runs import is_refusal
from issuesum.stages.gate import refused


def test_the_line_of_a_refusal_is_known_again() -> None:
    assert is_refusal(str(refused("ROUGE-L is 3.10, below evaluate.gate.min_rouge_l = 5")))
    assert not is_refusal("The dependencies of a stage must not change while it runs.")
