"""The model comes out of an image that the real engine holds; nothing of it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from issuesum.errors import ArtifactError
from issuesum.serving.inference.writer import TitleWriter
from issuesum.shipping.image.contents import model_of
from toy_bundle import write_bundle

pytestmark = pytest.mark.e2e

BODIES = ["The App crashes on start", "NullPointerException in foo_bar"]


@pytest.fixture
def build(engine, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Build an image of nothing but the toy bundle's model."""
    (tmp_path / "model").mkdir()
    write_bundle(tmp_path / "model")
    images = []

    def build(instruction: str) -> str:
        (tmp_path / "Dockerfile").write_text(f"FROM scratch\n{instruction}\n")
        images.append(f"issuesum-test-predict:{uuid4().hex[:8]}")
        engine.images.build(path=str(tmp_path), tag=images[-1], rm=True, forcerm=True)
        return images[-1]

    yield build
    for image in images:
        assert engine.containers.list(all=True, filters={"ancestor": image}) == []
        engine.images.remove(image)


def test_titles_are_those_of_the_model_in_the_image(
    build: Callable[[str], str], tmp_path: Path
) -> None:
    image = build("COPY model /app/model")
    with model_of(image) as folder:
        writer = TitleWriter.tried(folder, of=image)
    assert not folder.exists()
    assert writer.titles(BODIES) == TitleWriter(tmp_path / "model").titles(BODIES)


def test_an_image_without_a_model_is_refused(build: Callable[[str], str]) -> None:
    image = build("COPY model /elsewhere")
    expected = f"{image} must hold /app/model"
    with pytest.raises(ArtifactError, match=expected), model_of(image):
        pass


def test_a_model_of_another_version_is_refused(build: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "model/decoding.json").write_text('{"format": 9}')
    image = build("COPY model /app/model")
    with model_of(image) as folder, pytest.raises(ArtifactError) as caught:
        TitleWriter.tried(folder, of=image)
    assert str(caught.value).startswith(f"{image} must hold a model that this code reads.")
    assert "another format" in str(caught.value)
    assert "\n" not in str(caught.value)
