"""What keeps a version from being released, by the files of its commit and a stand-in registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, GateError, VerificationError
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.registered import Registered
from issuesum.shipping import release
from issuesum.shipping.attestation.verification import Check
from issuesum.shipping.release import changed_since, checked_receipt
from tags import Tagged

DVC = "59acd52619a2"
LOCK = "stages:\n  build:\n    outs:\n    - {path: serving/bundle, md5: %s.dir}\n"
GATE = {"gate": {"passed": True, "reasons": []}}


@pytest.fixture
def tagged(tmp_path: Path) -> Tagged:
    """Return a repository with the commit that an image was made from."""
    made = Tagged(tmp_path)
    made.commit("code", **{"params.yaml": "train: {}\n"})
    return made


def registered(tagged: Tagged, **files: str | None) -> Registered:
    """Commit what retraining commits, with changes, and register it."""
    receipt = Receipt(
        image=f"localhost:5000/titles:{tagged.commits[0][:12]}-{DVC}",
        digest=f"sha256:{'8' * 64}", git=tagged.commits[0][:12], dvc=DVC,
    )  # fmt: skip
    receipt.save(tagged.path / "receipt.json")
    content = (tagged.path / "receipt.json").read_text()
    whole = {"serving/image.json": content, "dvc.lock": LOCK % DVC, "receipt.json": None}
    commit = tagged.commit("lock", **{**whole, "eval/metrics.json": json.dumps(GATE), **files})
    return Registered(version="v1.0.0", commit=commit, stage=None)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """Return what the checks of the image will find: nothing, unless a test adds to it."""
    checks: list[Check] = []
    monkeypatch.setattr(release, "look_up", lambda *_, **__: type("Found", (), {
        "image": None, "content": b""}))  # fmt: skip
    monkeypatch.setattr(release, "verify", lambda *_, **__: checks)
    return checks


def test_what_passed_and_is_what_it_says_is_released(tagged: Tagged, checked: list[Check]) -> None:
    checked.append(Check("digest", "ok", "as in the receipt"))
    found = registered(tagged)
    receipt = checked_receipt(tagged.path, found, [])
    assert receipt.dvc == DVC
    assert changed_since(tagged.path, found, receipt) == []


def test_an_image_that_is_not_what_it_says_is_refused(tagged: Tagged, checked: list[Check]) -> None:
    checked += [Check("digest", "ok", ""), Check("labels", "failed", "another commit")]
    with pytest.raises(
        VerificationError, match=r"Received: labels: another commit\. Try: issuesum"
    ):
        checked_receipt(tagged.path, registered(tagged), [])


@pytest.mark.usefixtures("checked")
def test_a_model_that_the_gate_refused_is_not_released(tagged: Tagged) -> None:
    metrics = json.dumps({"gate": {"passed": False, "reasons": ["ROUGE-L is 3.10"]}})
    found = registered(tagged, **{"eval/metrics.json": metrics})
    with pytest.raises(GateError, match=r"v1\.0\.0 must have passed .* Received: ROUGE-L is 3\.10"):
        checked_receipt(tagged.path, found, [])


@pytest.mark.usefixtures("checked")
@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"serving/image.json": None}, r"must hold serving/image.json\. Received: none"),
        ({"dvc.lock": LOCK % ("0" * 32)}, f"of one bundle. Received: {DVC} and {'0' * 12}"),
        ({"dvc.lock": None}, f"Received: {DVC} and none"),
        ({"eval/metrics.json": None}, "hold the gate's verdict"),
        (
            {"eval/metrics.json": "{}"},
            "hold the gate's verdict in eval/metrics.json. Received: none",
        ),
    ],
)
def test_a_commit_that_is_not_of_a_finished_run_is_refused(
    tagged: Tagged, files: dict[str, str | None], words: str
) -> None:
    with pytest.raises(ArtifactError, match=words):
        checked_receipt(tagged.path, registered(tagged, **files), [])


@pytest.mark.usefixtures("checked")
def test_code_that_changed_since_the_image_was_made_is_reported(tagged: Tagged) -> None:
    found = registered(tagged, **{"params.yaml": "train: {epochs: 3}\n", "README.md": "x"})
    receipt = checked_receipt(tagged.path, found, [])
    assert changed_since(tagged.path, found, receipt) == ["params.yaml"]
    elsewhere = Receipt(image=receipt.image, digest=receipt.digest, git="0" * 12, dvc=DVC)
    assert changed_since(tagged.path, found, elsewhere) == []
