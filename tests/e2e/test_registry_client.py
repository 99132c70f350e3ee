"""Our requests against the real registry."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import docker
import pytest

from issuesum.errors import ArtifactError
from issuesum.registry.client import Artifact, Registry
from issuesum.registry.image import read_file, read_image
from issuesum.registry.reference import Reference
from stored_images import tar


@pytest.fixture(scope="module")
def image(services, engine: docker.DockerClient) -> Iterator[Reference]:
    """Return a pushed image of one layer, which holds app/a.json."""
    layer = tar({"app/a.json": b"{}"})
    name = f"{services.registry}/client-{uuid.uuid4().hex[:8]}"
    engine.api.import_image_from_data(layer, name, "v1", changes=["LABEL io.issuesum.git=abc"])
    engine.images.push(name, "v1")
    yield Reference.parse(f"{name}:v1")
    engine.images.remove(f"{name}:v1", force=True)


def test_an_image_is_read_without_the_engine(image: Reference, engine: docker.DockerClient) -> None:
    registry = Registry(image.host)
    found = read_image(registry, image)
    assert registry.digest(image) == found.reference.digest
    assert found.reference.digest == engine.images.get_registry_data(str(image)).id
    assert found.labels["io.issuesum.git"] == "abc"
    assert read_file(registry, found, "app/a.json") == b"{}"
    with pytest.raises(ArtifactError, match=r"must hold /app/b\.json"):
        read_file(registry, found, "app/b.json")
    assert registry.digest(Reference(image.host, image.name, "v2")) is None
    assert registry.digest(Reference(image.host, "no-such-repository", "v2")) is None


def test_what_is_attached_is_found_again_once(image: Reference) -> None:
    registry = Registry(image.host)
    pinned = image.at(str(registry.digest(image)))
    assert registry.referrers(pinned) == []
    for _ in range(2):
        for number in (1, 2):
            content = json.dumps({"number": number}).encode()
            notes = {"number": str(number)}
            registry.attach(pinned, Artifact(content, "application/x-number+json", notes))
    found = registry.referrers(pinned)
    assert [item["annotations"]["number"] for item in found] == ["1", "2"]
    _, manifest = registry.manifest(pinned.at(found[1]["digest"]))
    assert registry.blob(pinned, manifest["layers"][0]["digest"]) == b'{"number": 2}'
    assert registry.digest(image) == pinned.digest
