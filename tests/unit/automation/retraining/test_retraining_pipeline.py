"""How a command of DVC that fails becomes one line that says what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from issuesum.automation.retraining.pipeline import Pipeline
from issuesum.errors import ArtifactError, GateError, RepositoryError
from issuesum.layout import RUNS
from issuesum.lineage.runs.record import REFUSAL, RunRecord, write


class Failing(Pipeline):
    """Whose commands all fail, after the stages have left these records."""

    records: tuple[RunRecord, ...] = ()

    def _dvc(self, *_: str) -> int:
        for record in self.records:
            write(record, self.root / RUNS)
        return 1


@pytest.fixture
def pipeline(tmp_path: Path) -> Failing:
    """Return a pipeline of an empty folder, in which an earlier run has failed."""
    write(replace(RunRecord.begin("split"), state="failed", error="old"), tmp_path / RUNS)
    return Failing(tmp_path, 0)


def _ended(stage: str, error: str | None) -> RunRecord:
    return replace(RunRecord.begin(stage), state="failed", error=error)


def test_a_refusal_is_reported_in_the_words_of_the_gate(pipeline: Failing) -> None:
    message = f"{REFUSAL} Received: too low. Try: more data."
    Failing.records = (_ended("export", message),)
    with pytest.raises(GateError) as refused:
        pipeline.repro("--pull")
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (
            (_ended("train", "A must B. Received: C. Try: D."),),
            r"train: A must B\. Received: C\. Try: fix that, then the same again",
        ),
        ((_ended("train", None),), r"train: its process ended without an error\. Try: fix that"),
        (
            (replace(RunRecord.begin("split"), state="done"),),
            r"Received: dvc repro failed, see above\. Try:",
        ),
        ((), r"Received: dvc repro failed, see above\. Try:"),
    ],
)
def test_the_stage_that_failed_is_named_with_its_reason(
    pipeline: Failing, records: tuple[RunRecord, ...], expected: str
) -> None:
    Failing.records = records
    with pytest.raises(ArtifactError, match=expected):
        pipeline.repro("--pull")


def test_a_remote_that_takes_nothing_is_reported(pipeline: Failing) -> None:
    Failing.records = ()
    with pytest.raises(
        RepositoryError, match=r"must take what was made\. Received: dvc push failed"
    ):
        pipeline.push("--run-cache")
