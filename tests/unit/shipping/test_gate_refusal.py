"""What keeps a model from being shipped, and how that differs from a failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, GateError
from issuesum.lineage.runs.record import is_refusal
from issuesum.shipping.gate import check_gate, refused


@pytest.fixture(autouse=True)
def metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where evaluate leaves its verdict, in an empty project."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "eval").mkdir()
    return tmp_path / "eval/metrics.json"


def test_the_line_of_a_refusal_is_known_again() -> None:
    assert is_refusal(str(refused(("ROUGE-L is 3.10, below evaluate.gate.min_rouge_l = 5",))))
    assert not is_refusal("The dependencies of a stage must not change while it runs.")


def test_a_model_that_passed_is_shipped_with_its_scores(metrics: Path) -> None:
    values = {"gate": {"passed": True, "reasons": []}, "test_rows": 2}
    metrics.write_text(json.dumps(values))
    assert check_gate() == values


def test_every_reason_of_a_refusal_is_listed(metrics: Path) -> None:
    metrics.write_text(json.dumps({"gate": {"passed": False, "reasons": ["too low", "too close"]}}))
    with pytest.raises(GateError, match=r"Received: too low; too close\. Try: more or better data"):
        check_gate()


@pytest.mark.parametrize(
    "content", [None, "{", "{}", '{"gate": null}', '{"gate": {"passed": true}}']
)
def test_a_verdict_that_is_not_there_ships_nothing(metrics: Path, content: str | None) -> None:
    if content is not None:
        metrics.write_text(content)
    with pytest.raises(ArtifactError, match="must hold the gate's verdict"):
        check_gate()
