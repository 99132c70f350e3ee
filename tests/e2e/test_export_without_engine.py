"""Where the registry has the runtime, an export needs no engine, and makes the same image."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from images import remove_images
from issuesum.cli.shared import check_builder
from issuesum.errors import EngineError
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage, read_file, read_image
from issuesum.registry.reference import Reference
from own_registry import own_registry
from projects import Project
from tiny_images import build_base, export, make_project, write_dockerfile

NAME = f"issuesum-test-{uuid4().hex[:8]}"
HIDDEN = "unix:///nonexistent.sock"
AS_PROCESS = "first title of the image's server, run as a process without an engine: A title"
pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engineless")


@pytest.fixture(scope="module")
def registry(place: Path) -> Iterator[str]:
    with own_registry(place, password=False) as address:
        yield address


@pytest.fixture(scope="module")
def project(place: Path, engine, registry: str) -> Iterator[Project]:
    build_base(engine)
    made = make_project(place / "project", image=NAME)
    write_dockerfile(made, f"LABEL made-by={NAME}")
    shutil.copy(made.path / "serving/bundle/requirements.txt", made.path / "serving")
    shutil.copy(made.path / "serving/bundle/Dockerfile", made.path)
    made.commit("runtime")
    made.env["ISSUESUM_REGISTRY"] = registry
    yield made
    remove_images(engine, f"/{NAME}")


def test_without_engine_and_runtime_both_remedies_are_named(project: Project) -> None:
    done = project.stage("export", ok=False, DOCKER_HOST=HIDDEN)
    assert (done.returncode, done.stderr.count("\n")) == (6, 1)
    assert "Docker Engine must answer, or the registry hold the runtime" in done.stderr
    assert "Try: issuesum export --runtime-only" in done.stderr


def test_a_retraining_finds_that_before_it_trains(project: Project) -> None:
    with contextlib.chdir(project.path), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", HIDDEN)
        patch.setenv("ISSUESUM_REGISTRY", project.env["ISSUESUM_REGISTRY"])
        with pytest.raises(EngineError, match="or the registry hold the runtime"):
            check_builder()


def test_both_ways_give_the_same_digest(project: Project, place: Path) -> None:
    shown = project.issuesum("export", "--runtime-only").stdout
    assert shown.startswith(f"{project.env['ISSUESUM_REGISTRY']}/{NAME}:runtime-")
    found = project.issuesum("doctor", "--only", "engine", DOCKER_HOST=HIDDEN).stdout
    assert "export takes the runtime that the registry holds" in found
    done = export(project, DOCKER_HOST=HIDDEN)
    assert f"{AS_PROCESS}\nexport: pushed" in done.stdout
    alone, sbom = receipt(project), (project.path / "serving/attestations/sbom.json").read_bytes()
    assert (
        Registry(project.env["ISSUESUM_REGISTRY"]).digest(Reference.parse(alone["image"]))
        == alone["digest"]
    )

    forget(place, alone["image"])
    assert "the container's first title: A title\nexport: pushed" in export(project).stdout
    assert receipt(project) == alone
    assert (project.path / "serving/attestations/sbom.json").read_bytes() == sbom


def test_the_next_bundle_is_tried_too(project: Project) -> None:
    server = project.path / "serving/bundle/server.py"
    before, first = server.read_text(), receipt(project)
    server.write_text("raise SystemExit('error: no model')\n")
    done = project.stage("export", ok=False, DOCKER_HOST=HIDDEN)
    assert (done.returncode, done.stderr.count("\n")) == (6, 1)
    assert "it ended with exit code 1. Its log ends: error: no model" in done.stderr
    assert receipt(project) == first

    server.write_text(before + "# the next\n")
    project.edit("params.yaml", lambda text: text.replace("builder: auto", "builder: registry"))
    project.commit("next")
    assert AS_PROCESS in export(project).stdout
    assert receipt(project)["digest"] != first["digest"]
    content = read_file(*remote(receipt(project)), "app/provenance.json")
    assert b"builder" not in content


def receipt(project: Project) -> dict:
    return json.loads((project.path / "serving/image.json").read_text(encoding="utf-8"))


def remote(made: dict) -> tuple[Registry, RemoteImage]:
    image = Reference.parse(made["image"])
    return Registry(image.host), read_image(Registry(image.host), image)


def forget(place: Path, image: str) -> None:
    """Take an image and what is attached to it out of the registry, but for its layers."""
    tags = place / f"data/docker/registry/v2/repositories/{NAME}/_manifests/tags"
    shutil.rmtree(tags / str(Reference.parse(image).tag))
    for each in tags.glob("sha256-*"):
        shutil.rmtree(each)
