"""With --json standard output has one document, and nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from issuesum.files import replacing_file
from issuesum.layout import RUNS
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.registered import Registered
from issuesum.lineage.reporting.comparison import compare
from issuesum.lineage.runs import record as runs
from issuesum.lineage.runs.record import RunRecord
from issuesum.registry.image import RemoteImage
from issuesum.registry.reference import Reference
from issuesum.shipping.image.container import REQUEST
from report_sides import rows, side
from toy_bundle import write_bundle

RECEIPT = Receipt("localhost:5000/titles:a-b", f"sha256:{'2' * 64}", git="a", dvc="b")
SCORES = {"rouge_1": 3.0, "rouge_2": 2.0, "rouge_l": 1.0, "bleu": 0.5}

Document = Callable[..., tuple[Any, str]]


@pytest.fixture
def document(issuesum: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Document:
    """Return a function that runs a verb with --json and gives what it says on both streams."""
    monkeypatch.chdir(tmp_path)
    RECEIPT.save()

    def call(*arguments: object) -> tuple[Any, str]:
        code, out, err = issuesum(*arguments, "--json")
        assert code == 0, err
        return json.loads(out), err

    return call


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be tracked by DVC."""
    update = SimpleNamespace(recorded=None, md5="0" * 32, replacing=replacing_file)
    monkeypatch.setattr(
        "issuesum.lineage.tracking.updating", lambda *_, **__: contextlib.nullcontext(update)
    )


@pytest.mark.usefixtures("tracked")
def test_ingest(document: Document) -> None:
    Path("in.csv").write_text("issue_url,issue_title,body\nu,Title,Some words\n,,\n")
    result, err = document("ingest", "in.csv", "-o", "out.csv")
    assert err == ""
    assert (result["source"], result["file"], result["md5"]) == ("in.csv", "out.csv", "0" * 32)
    assert (result["read"], result["accepted"], sum(result["rejected"].values())) == (2, 1, 1)


@pytest.mark.usefixtures("tracked")
def test_sample(document: Document) -> None:
    result, _ = document("sample", "--rows", 5, "-o", "out.csv")
    assert result == {"file": "out.csv", "rows": 5, "seed": 20_180_601, "md5": "0" * 32}


def test_summary(document: Document) -> None:
    Path("eval").mkdir()
    metrics = {"test_rows": 9, "model": SCORES, "lead": SCORES, "neighbour": SCORES}
    Path("eval/metrics.json").write_text(json.dumps(metrics))
    result, _ = document("summary")
    assert (result["image"], result["digest"]) == (RECEIPT.image, RECEIPT.digest)
    assert (result["test_rows"], result["scores"]["lead"]) == (9, SCORES)
    for stage in ("publish", "split", "gone"):
        runs.write(replace(RunRecord.begin(stage), state="done", seconds=1.5), RUNS)
    assert set(document("summary")[0]["runs"]) == {"publish", "split", "gone"}
    Path("dvc.yaml").write_text("stages: {split: {cmd: x}, train: {cmd: x}, publish: {cmd: x}}")
    assert list(document("summary")[0]["runs"]) == ["split", "publish"]


def test_predict(document: Document, issuesum: Callable) -> None:
    Path("model").mkdir()
    write_bundle(Path("model"))
    Path("in.csv").write_text('body\nThe app crashes\n""\n')
    result, _ = document("predict", "in.csv", "--bundle", ".", "-o", "out.csv")
    assert result.pop("seconds") >= 0
    assert result == {"output": "out.csv", "rows": 2, "titles": 1}
    code, out, err = issuesum("predict", "in.csv", "--bundle", ".", "--json")
    assert (code, out) == (2, "")
    assert err.startswith("error: --json must go with --output. ")


def test_export_says_its_words_elsewhere(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "issuesum.stages.runner.run", lambda stage, _: click.echo(f"{stage}: pushed it")
    )
    assert document("export") == (vars(RECEIPT), "export: pushed it\n")


@pytest.mark.parametrize(("held", "action"), [(None, "build"), (RECEIPT.digest, "receipt")])
def test_export_dry(
    held: str | None, action: str, document: Document, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    Path("params.yaml").write_bytes((root / "params.yaml").read_bytes())
    target = SimpleNamespace(
        image=SimpleNamespace(host="h"), lineage="commit c", pushed_digest=lambda _: held
    )
    monkeypatch.setattr("issuesum.stages.export.target_of", lambda _: target)
    monkeypatch.setattr("issuesum.lineage.git.changed_files", lambda _: ("a.py",))
    monkeypatch.setattr("issuesum.shipping.gate.check_gate", dict)
    result, _ = document("export", "--dry-run")
    assert (result["action"], result["digest"], result["dirty"]) == (action, held, ["a.py"])
    assert (result["gate"], result["registry"]) == (None, None)


def test_serve(document: Document, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    Path("params.yaml").write_bytes((root / "params.yaml").read_bytes())
    monkeypatch.setattr("issuesum.shipping.image.engine.engine", contextlib.nullcontext)
    page, answer = "http://127.0.0.1:9/", '{"data": {"ndarray": ["A"]}}\n'
    monkeypatch.setattr("issuesum.shipping.local_server.start", lambda *_, **__: answer)
    monkeypatch.setattr("issuesum.shipping.local_server.stop", lambda *_, port: port == 9)
    result, _ = document("serve", "--port", 9)
    url = f"{page}api/v1.0/predictions"
    assert (result["image"], result["page"], result["url"]) == (RECEIPT.image, page, url)
    assert (result["request"], result["answer"]) == (json.loads(REQUEST), json.loads(answer))
    assert document("serve", "--port", 9, "--stop")[0] == {"stopped": True}
    assert document("serve", "--stop")[0] == {"stopped": False}


def hold_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the registry hold the image of RECEIPT, without labels."""
    image = RemoteImage(Reference.parse(RECEIPT.pinned), 0, {}, "", ())
    held = (RECEIPT.digest, {})
    monkeypatch.setattr("issuesum.registry.client.Registry.manifest", lambda *_: held)
    monkeypatch.setattr("issuesum.shipping.kubernetes.manifests.read_image", lambda *_: image)


def test_manifests(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_image(monkeypatch)
    result, err = document("manifests", "-o", "out")
    assert result["image"] == RECEIPT.pinned
    assert all(Path(file).is_file() for file in result["files"])
    assert err == "note: to a node, localhost is the node itself (ISSUESUM_REGISTRY)\n"


def test_release(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Registered("v1.0.0", "c" * 40, "prod")
    monkeypatch.setattr("issuesum.shipping.release.wanted", lambda *_, **__: found)
    monkeypatch.setattr("issuesum.shipping.release.checked_receipt", lambda *_: RECEIPT)
    monkeypatch.setattr("issuesum.shipping.release.changed_since", lambda *_: ["params.yaml"])
    hold_image(monkeypatch)
    monkeypatch.setattr("issuesum.shipping.release.publish", lambda *_, **__: "d" * 40)
    result, err = document("release", "--stage", "prod", "--push")
    assert [Path(file).parent.name for file in result.pop("files")] == ["prod", "prod"]
    assert result == {
        "version": "v1.0.0", "commit": "c" * 40, "stage": "prod", "image": RECEIPT.pinned,
        "changed": ["params.yaml"], "pushed": "d" * 40,
    }  # fmt: skip
    assert "note: at that commit is other code than in its image: params.yaml\n" in err


def test_jobs(document: Document) -> None:
    assert document("jobs") == ([], "")


def test_report(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    made = compare(
        side("now", rows(60, right=0.9)), side("before", rows(60, right=0.2)), {}, resamples=1000
    )
    monkeypatch.setattr(
        "issuesum.lineage.reporting.model_report.write_report", lambda *_, **__: made
    )
    result, _ = document("report")
    assert (result["compared"], result["verdict"]) == ("now, compared with before", "better")
    assert result["scores"]["rouge_l"]["difference"]["low"] > 0


def test_card(document: Document, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    Path("params.yaml").write_bytes((root / "params.yaml").read_bytes())
    made = side("now", rows(9), missing=("eval/train of now: gone",))
    monkeypatch.setattr("issuesum.lineage.reporting.card.write_card", lambda *_: made)
    result, err = document("card")
    assert result == {"card": "eval/MODEL_CARD.md", "missing": ["eval/train of now: gone"]}
    assert err == "note: not available here: eval/train of now: gone\n"
