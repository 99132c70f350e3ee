"""`issuesum manifests` and the real registry, asked through the real engine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import requests
import yaml

from projects import Project

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def pushed(engine, services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Push an image of one small file and return registry/name:tag."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "Dockerfile").write_text(
        "FROM scratch\nCOPY Dockerfile /\nLABEL io.issuesum.git=0123456789ab\n"
    )
    image = f"{services.registry}/issuesum-test-{uuid4().hex[:8]}:one"
    engine.images.build(path=str(folder), tag=image, rm=True)
    for answer in engine.images.push(image, stream=True, decode=True):
        assert "error" not in answer
    yield image
    engine.images.remove(image)


def manifests(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    call = ("manifests", "--output", str(folder), *options)
    return Project(folder.parent).issuesum(*call, ok=False)


def test_a_tag_is_pinned_by_the_digest_of_the_registry(pushed: str, tmp_path: Path) -> None:
    done = manifests(tmp_path, "--image", pushed)
    assert done.returncode == 0, done.stderr
    registry, name = pushed.removesuffix(":one").split("/")
    held = requests.head(
        f"http://{registry}/v2/{name}/manifests/one",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        timeout=10,
    ).headers["Docker-Content-Digest"]
    text = (tmp_path / "seldondeployment.yaml").read_text(encoding="utf-8")
    (predictor,) = yaml.safe_load(text)["spec"]["predictors"]
    (component,) = predictor["componentSpecs"]
    pinned = f"{registry}/{name}@{held}"
    assert component["spec"]["containers"][0]["image"] == pinned
    assert component["metadata"]["annotations"]["io.issuesum/image"] == pushed
    labels = {"name": "ISSUESUM_LABELS", "value": '{"io.issuesum.git": "0123456789ab"}'}
    assert labels in component["spec"]["containers"][0]["env"]
    again = manifests(tmp_path, "--image", pinned)
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith(pinned)


@pytest.mark.parametrize("other", [":two", f"@sha256:{'0' * 64}"])
def test_what_the_registry_does_not_hold_is_refused(
    other: str, pushed: str, tmp_path: Path
) -> None:
    unknown = pushed.removesuffix(":one") + other
    done = manifests(tmp_path / "out", "--image", unknown)
    assert done.returncode == 7
    (line,) = done.stderr.splitlines()
    assert f"must hold {unknown}. Received: no such image there." in line
    assert not (tmp_path / "out").exists()
