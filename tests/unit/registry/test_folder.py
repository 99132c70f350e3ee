"""A folder comes out of one layer of an image, and nothing is written outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, RegistryError
from issuesum.registry.client import Registry
from issuesum.registry.image import read_folder, read_image
from issuesum.registry.reference import Reference
from registry_stub import Asked, serve
from stored_images import StoredImages

BASE = {"app/model/old.txt": b"old", "usr/bin/python": b"large"}
MODEL = {
    "app/model/a.onnx": b"a" * 3_000_000,
    "app/model/deep/b.json": b"{}",
    "app/models/c.txt": b"no",
}
TOP = {"app/provenance.json": b"{}"}


@pytest.fixture
def stored() -> StoredImages:
    return StoredImages()


@pytest.fixture
def registry(
    stored: StoredImages, monkeypatch, tmp_path: Path
) -> Iterator[tuple[Registry, list[Asked]]]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nobody"))
    with serve(stored) as (host, seen):
        yield Registry(host), seen


def read(registry: Registry, target: Path, prefix: str = "app/model") -> list[str]:
    target.mkdir()
    image = read_image(registry, Reference.parse(f"{registry.host}/titles:v1"))
    read_folder(registry, image, prefix, target)
    return sorted(path.relative_to(target).as_posix() for path in target.rglob("*.*"))


def test_layers_below_the_one_that_has_it_are_not_downloaded(
    stored: StoredImages, registry, tmp_path: Path
) -> None:
    stored.put("titles", "v1", BASE, MODEL, TOP)
    client, seen = registry
    assert read(client, tmp_path / "out") == ["a.onnx", "deep/b.json"]
    assert (tmp_path / "out/a.onnx").read_bytes() == MODEL["app/model/a.onnx"]
    assert len([asked for asked in seen if "/blobs/" in asked.path]) == 3  # config and two layers


def test_what_is_nowhere_is_named(stored: StoredImages, registry, tmp_path: Path) -> None:
    stored.put("titles", "v1", BASE, TOP)
    with pytest.raises(ArtifactError, match=r"must hold /app/other\. Received: an image without"):
        read(registry[0], tmp_path / "out", "app/other")


def test_nothing_is_written_outside_of_the_target(
    stored: StoredImages, registry, tmp_path: Path
) -> None:
    stored.put("titles", "v1", {"app/model/../../evil.txt": b"evil"})
    with pytest.raises(ArtifactError, match="must be a tar that can be unpacked"):
        read(registry[0], tmp_path / "deep")
    assert not list(tmp_path.rglob("evil*"))


def test_a_layer_that_is_not_what_its_digest_says_is_refused(
    stored: StoredImages, registry, tmp_path: Path
) -> None:
    stored.put("titles", "v1", MODEL)
    image = read_image(registry[0], Reference.parse(f"{registry[0].host}/titles:v1"))
    stored.spoil("titles", image.layers[0]["digest"])
    with pytest.raises(RegistryError, match="another content of sha256:"):
        read(registry[0], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
