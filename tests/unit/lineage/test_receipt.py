"""serving/image.json."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.errors import ArtifactError
from issuesum.lineage.receipt import Receipt

RECEIPT = Receipt("localhost:5000/name:1-2", "sha256:ab", "1", "2")


def test_it_is_read_back_and_pins_by_digest(tmp_path: Path) -> None:
    RECEIPT.save(tmp_path / "image.json")
    assert Receipt.load(tmp_path / "image.json") == RECEIPT
    assert RECEIPT.pinned == "localhost:5000/name@sha256:ab"


def test_it_is_next_to_the_component_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "serving").mkdir()
    RECEIPT.save()
    assert Receipt.load(tmp_path / "serving/image.json") == RECEIPT
    assert Receipt.load() == RECEIPT


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        '{"image": "x"}',
        '{"image": 1, "digest": "x", "git": "x", "dvc": "x"}',
    ],
)
def test_a_missing_or_broken_one_is_refused(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "image.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ArtifactError, match=r"image.json must name the exported image.*dvc repro"):
        Receipt.load(path)
