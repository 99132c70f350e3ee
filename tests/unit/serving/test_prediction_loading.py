"""A model that does not fit is found before the first row."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError
from issuesum.serving.inference.writer import TitleWriter
from toy_bundle import write_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    model.mkdir()
    return write_bundle(model)


def refused(folder: Path, pattern: str) -> None:
    with pytest.raises(ArtifactError, match=pattern) as caught:
        TitleWriter.tried(folder, of="registry/name:tag")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("registry/name:tag must hold ")
    assert message.count("Try: ") == 1
    assert str(folder) not in message


def test_a_model_is_loaded(folder: Path) -> None:
    assert TitleWriter.tried(folder, of="x").titles(["The app crashes"])[0]


def test_no_folder(tmp_path: Path) -> None:
    refused(tmp_path / "model", "a folder model. Received: none")


def test_another_format(folder: Path) -> None:
    (folder / "decoding.json").write_text('{"format": 9}')
    refused(folder, r"Received: decoding\.json must hold settings of format 2\. .*another format")


def test_graphs_that_do_not_fit_together(folder: Path) -> None:
    shutil.copy(folder / "encoder.onnx", folder / "decoder.onnx")
    refused(folder, r"a model that this code reads\. Received: Required inputs .*missing")
