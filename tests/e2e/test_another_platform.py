"""Images for another architecture than this engine's, from a base image that has several.

The programs of the foreign base are this machine's own, so that its containers run here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import docker
import pytest
import yaml

from images import remove_images
from issuesum.automation.submit.submitting import pipeline_image
from issuesum.registry.canonical import MANIFEST
from issuesum.registry.client import INDEX, Registry, digest_of
from issuesum.registry.image import RemoteImage, architecture, read_image
from issuesum.registry.reference import Reference
from own_registry import own_registry
from projects import Project
from tiny_images import TINY_BASE, build_base, export, make_project, write_dockerfile

NAME = f"issuesum-test-{uuid4().hex[:8]}"
OWN = architecture()
OTHER = {"amd64": "arm64", "arm64": "amd64"}[OWN]
FOREIGN_PROGRAM = """
import os, sys
path = sys.executable
os.unlink(path)
with open(path, "wb") as file:
    file.write(b"\\x7fELF" + bytes(60))
os.chmod(path, 0o755)
"""
pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_registry(tmp_path_factory.mktemp("registry"), password=False) as address:
        yield address


@pytest.fixture(scope="module")
def base(engine: docker.DockerClient, registry: str) -> str:
    """Push an index of the tiny base for both architectures, and return its name."""
    build_base(engine)
    name = f"{registry}/{NAME}-base"
    engine.images.get(TINY_BASE).tag(name, OWN)
    engine.api.push(name, OWN)
    engine.images.remove(f"{name}:{OWN}", noprune=True)
    client, image = Registry(registry), Reference.parse(f"{name}:{OWN}")
    _, manifest = client.manifest(image)
    config = json.loads(client.blob(image, manifest["config"]["digest"]))
    listed = []
    for machine in (OWN, OTHER):
        content = json.dumps({**config, "architecture": machine}).encode()
        put = client.put_blob(image, content, manifest["config"]["mediaType"])
        made = json.dumps({**manifest, "config": put}).encode()
        client.put_manifest(image.at(digest_of(made)), made, MANIFEST)
        platform = {"os": "linux", "architecture": machine}
        listed.append({"mediaType": MANIFEST, "size": len(made), "digest": digest_of(made),
                       "platform": platform})  # fmt: skip
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
    client.put_manifest(Reference.parse(f"{name}:1"), index, INDEX)
    return f"{name}:1"


@pytest.fixture(scope="module")
def project(
    engine: docker.DockerClient, registry: str, base: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    made = make_project(tmp_path_factory.mktemp("platform") / "project", image=NAME)
    made.edit("params.yaml", lambda text: text.replace(TINY_BASE, base))
    made.edit(
        "params.yaml", lambda text: text.replace("platform: auto", f"platform: linux/{OTHER}")
    )
    made.commit("another platform")
    made.env["ISSUESUM_REGISTRY"] = registry
    yield made
    remove_images(engine, f"/{NAME}")


def _exported(project: Project) -> RemoteImage:
    receipt = json.loads((project.path / "serving/image.json").read_text(encoding="utf-8"))
    image = Reference.parse(receipt["image"])
    return read_image(Registry(image.host), image)


@pytest.mark.parametrize("host", ["", "unix:///nonexistent.sock"], ids=["engine", "registry"])
def test_the_image_its_runtime_and_its_pods_are_of_that_platform(
    project: Project, engine: docker.DockerClient, base: str, host: str, tmp_path: Path
) -> None:
    project.commit(f"by {host}")
    first_title = export(project, **({"DOCKER_HOST": host} if host else {})).stdout
    assert "A title" in first_title
    assert _exported(project).architecture == OTHER
    with pytest.raises(docker.errors.ImageNotFound):
        engine.images.get(base)  # the tag is that of this engine's own architecture
    project.issuesum("manifests", "--kind", "kubernetes", "--output", str(tmp_path))
    documents = yaml.safe_load_all((tmp_path / "deployment.yaml").read_text(encoding="utf-8"))
    (pod,) = [
        each["spec"]["template"]["spec"] for each in documents if each["kind"] == "Deployment"
    ]
    assert pod["nodeSelector"] == {"kubernetes.io/arch": OTHER}


def test_what_cannot_be_tried_here_gets_no_tag(project: Project) -> None:
    write_dockerfile(project, f"RUN {json.dumps(['python3', '-c', FOREIGN_PROGRAM])}")
    project.commit("no emulation")
    before = _exported(project)
    done = export(project, ok=False)
    *_, line = done.stderr.splitlines()
    assert (done.returncode, "exec format error" in line) == (6, True)
    assert "Try: docker run --privileged --rm tonistiigi/binfmt" in line
    assert _exported(project) == before


def test_a_base_image_without_that_platform_is_refused(project: Project, base: str) -> None:
    project.edit("params.yaml", lambda text: text.replace(base, base.replace(":1", f":{OWN}")))
    project.commit("no such base")
    done = export(project, ok=False)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert f"must be an image for linux/{OTHER}. Received: one for {OWN}" in done.stderr


def test_the_pipeline_image_has_a_tag_for_each_architecture(
    project: Project, registry: str, base: str
) -> None:
    path = project.path / "deploy/training/Dockerfile"
    path.parent.mkdir(parents=True)
    path.write_text(f"ARG BASE_IMAGE={base}\nFROM ${{BASE_IMAGE}}\nCOPY params.yaml /\n")
    commit, repository = project.commit("pipeline"), f"{registry}/{NAME}-pipeline"

    def made(machine: str | None) -> RemoteImage:
        return pipeline_image(project.path, commit, repository, extra="cpu", machine=machine)

    first = made(OTHER)
    assert (first.architecture, made(None), made(OTHER)) == (OTHER, first, first)
    other = made(OWN)
    assert (other.architecture, made(OWN)) == (OWN, other)
    found = Registry(registry).digest(Reference.parse(f"{repository}:{commit}-{OWN}"))
    assert found == other.reference.digest
