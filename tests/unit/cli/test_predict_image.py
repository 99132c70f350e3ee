"""The model comes out of an image of a registry; nothing of it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from issuesum.cli.predict import _writer
from issuesum.errors import ArtifactError
from issuesum.serving.inference.writer import TitleWriter
from registry_stub import serve
from stored_images import StoredImages, model_files
from toy_bundle import write_bundle

BODIES = ["The App crashes on start", "NullPointerException in foo_bar"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    write_bundle(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Return what keeps an image of files in a registry, and names it."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    stored = StoredImages()

    def put(files: dict[str, bytes]) -> str:
        stored.put("titles", "v1", files)
        return f"{host}/titles:v1"

    with serve(stored) as (host, _):
        yield put


def test_titles_are_those_of_the_model_in_the_image(store: Callable, model: Path) -> None:
    writer = _writer(None, store(model_files(model)))
    assert writer.titles(BODIES) == TitleWriter(model).titles(BODIES)


def test_an_image_without_a_model_is_refused(store: Callable) -> None:
    with pytest.raises(ArtifactError, match="must hold /app/model"):
        _writer(None, store({"elsewhere/model": b""}))


def test_a_model_of_another_version_is_refused(store: Callable, model: Path) -> None:
    (model / "decoding.json").write_text('{"format": 9}')
    with pytest.raises(ArtifactError, match="must hold a model that this code reads") as caught:
        _writer(None, store(model_files(model)))
    assert "another format" in str(caught.value)
    assert "\n" not in str(caught.value)
