"""Export's question whether the model is worse than what is live, against a stub registry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from issuesum.errors import GateError, RegistryError
from issuesum.lineage import registered as live
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.registered import LIVE, Live
from issuesum.lineage.reporting.live_comparison import compare_with_live
from issuesum.lineage.tag import Version
from issuesum.serving.inference.writer import TitleWriter
from issuesum.shipping import gate
from issuesum.stages.params import Params, load_params
from issuesum.training.corpus.shards import ShardWriter
from issuesum.training.evaluation.metrics import score
from projects import ROOT
from registry_stub import Asked, serve
from stored_images import StoredImages, model_files
from toy_bundle import write_bundle

MADE_FROM = Version("c" * 40, dirty=False, bundle="b" * 32 + ".dir")
ROWS = 2 * [("Fix error", "app error")]  # no draw of these is better


@dataclass
class Case:
    """A project that is about to export, and a registry that holds a live image.

    Attributes:
        root: of the project.
        params: of the repository.
        stored: what the registry holds.
        host: of the registry.
        seen: what it was asked.
        compare: what is known of single titles: ROUGE-L of the live model, and the interval.
        notes: what was noted.
    """

    root: Path
    params: Params
    stored: StoredImages
    host: str
    seen: list[Asked]
    compare: Callable[[Found], tuple[float, tuple[float, float]]]
    notes: list[str] = field(default_factory=list)

    def put(self, layer: dict[str, bytes] | None = None, **changes: Any) -> None:
        """Have the registry hold a live image."""
        provenance = {
            "image": f"{self.host}/titles:old",
            "commit": "a" * 40,
            "hashes": {"bundle": "e" * 32 + ".dir", "test": "7" * 32 + ".dir"},
            "metrics": {"test_rows": 2, "model": {"rouge_l": 42.5}},
            **changes,
        }
        top = {"app/provenance.json": json.dumps(provenance).encode()}
        self.stored.put("titles", "old", layer or {"app/a": b""}, top)

    def reason(self, rouge_l: float = 40.0, limit: float | None = None) -> str | None:
        """Return why a model that reached this on 2 rows would be refused."""
        export_params, evaluate = self.params.export, self.params.evaluate
        image = f"{export_params.address}/{export_params.image}:{MADE_FROM.tag}"
        try:
            gate.check_regression(
                image,
                rouge_l,
                self.root,
                made_from=MADE_FROM,
                rows=2,
                max_regression=evaluate.gate.max_regression if limit is None else limit,
                compare=self.compare,
                note=self.notes.append,
            )
        except GateError as error:
            return str(error)
        return None


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nobody"))
    monkeypatch.delenv("ISSUESUM_REGISTRY", raising=False)
    test = {"path": "data/split/test", "md5": "7" * 32 + ".dir"}
    lock = {"stages": {"split": {"outs": [test]}}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock))
    with serve(stored := StoredImages()) as (host, seen):
        monkeypatch.setenv(LIVE, f"{host}/titles:old")
        params = load_params(ROOT / "params.yaml")
        yield Case(tmp_path, params, stored, host, seen, lambda _: (42.5, (-4.0, -0.5)))


def test_a_worse_model_is_reported_with_both_images_and_numbers(case: Case) -> None:
    case.put()
    reason = case.reason() or ""
    assert "issuesummarization:cccccccccccc-bbbbbbbbbbbb is 40.00" in reason
    assert f"live {case.host}/titles:old is 42.50 on the same 2 test issues: 2.50 lost" in reason
    assert "more than chance explains (95 % interval of the difference -4.00 to -0.50)" in reason
    assert case.reason(41.5) is None
    assert case.notes == []


@pytest.mark.parametrize(("limit", "refused"), [(1.0, True), (2.3, False), (0.0, True)])
def test_a_loss_beyond_the_limit_is_a_regression(case: Case, limit: float, refused: bool) -> None:
    # 22.4 - 20.1 is 2.2999999999999972 in binary, and 2.3 to everybody else.
    case.put(metrics={"test_rows": 2, "model": {"rouge_l": 22.4}})
    case.compare = lambda _: (22.4, (-4.0, -0.5))
    reason = case.reason(20.1, limit)
    assert bool(reason) is refused
    assert reason is None or f"evaluate.gate.max_regression = {limit:g}, and" in reason
    assert case.reason(22.5, 0) is None


def test_a_loss_that_chance_explains_is_shipped_and_noted(case: Case) -> None:
    case.put()
    case.compare = lambda _: (42.5, (-5.0, 0.1))
    assert case.reason() is None
    (note,) = case.notes
    assert "2.50 lost, more than evaluate.gate.max_regression = 1, but no more than chance" in note
    assert note.endswith("(95 % interval of the difference -5.00 to +0.10): it is shipped")


def test_the_same_bundle_is_no_regression(case: Case) -> None:
    case.put(hashes={"bundle": MADE_FROM.bundle}, metrics={})
    assert case.reason() is None


def test_nothing_is_asked_where_the_answer_is_known(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "live_image", lambda _root: Live("host/a:b", MADE_FROM.dvc))
    assert case.reason() is None
    monkeypatch.setattr(gate, "live_image", live.live_image)
    monkeypatch.setenv(LIVE, "none")
    assert case.reason() is None
    monkeypatch.setenv(LIVE, f"{case.host}/titles:old")
    relaxed = case.params.evaluate.gate.model_copy(update={"max_regression": 100.0})
    evaluate = case.params.evaluate.model_copy(update={"gate": relaxed})
    case.params = case.params.model_copy(update={"evaluate": evaluate})
    assert case.reason() is None
    assert case.seen == []


def test_scores_on_other_rows_are_computed_again(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (model := tmp_path / "model").mkdir()
    write_bundle(model)
    (folder := tmp_path / "data/split/test").mkdir(parents=True)
    with ShardWriter(folder, 10) as shard:
        for row, (title, body) in enumerate(ROWS, start=1):
            shard.write(row, ("", title, body))
    rows = pd.DataFrame(ROWS, columns=["title", "body"])
    (tmp_path / "eval").mkdir()
    ours = pd.DataFrame({"predicted": "none of the words", "issue_title": rows["title"]})
    ours.to_csv(tmp_path / "eval/scores.csv")
    case.compare = partial(compare_with_live, root=tmp_path, max_rows=10, batch_size=4)
    reached = score(TitleWriter(model).titles(list(rows["body"])), list(rows["title"]))["rouge_l"]
    assert reached > 1.5
    case.put(model_files(model), hashes={"bundle": "e" * 32, "test": "other"})
    assert case.reason(reached) is None
    reason = case.reason(reached - 1.5) or ""
    assert f"titles:old is {reached:.2f} on the same 2 test issues: 1.50 lost" in reason
    case.put(model_files(model), metrics={"test_rows": 3, "model": {"rouge_l": 99.0}})
    assert case.reason(reached) is None


def test_a_live_image_that_is_not_available_is_no_licence_to_ship(case: Case) -> None:
    with pytest.raises(RegistryError) as caught:
        case.reason()
    message = str(caught.value)
    assert message.startswith(f"The live image {case.host}/titles:old must be known")
    assert "no such image there. Try: the same again" in message
    assert "ISSUESUM_LIVE=none" in message
    assert "\n" not in message


def test_a_receipt_from_another_machines_own_registry_is_nothing_live(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(LIVE)
    elsewhere = Live(f"{case.host}/titles:elsewhere", "0" * 12)
    monkeypatch.setattr(gate, "live_image", lambda _root: elsewhere)
    assert case.reason() is None
    assert f"{case.host}/titles:elsewhere of the last commit is not here" in case.notes[0]
