"""`issuesum provenance` and real images: from the registry alone, and from the engine by id."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import docker
import pytest

import provenances
from browser import chromium
from issuesum.registry.labels import labels_of
from projects import Project
from stored_images import tar

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Pushed:
    """An image that the registry and the engine hold: registry/name:tag, and the engine's id."""

    image: str
    id: str
    digest: str


@pytest.fixture(scope="module")
def pushed(engine: docker.DockerClient, services) -> Iterator[Pushed]:
    """Push an image of nothing but a provenance."""
    image = f"{services.registry}/issuesum-test-{uuid4().hex[:8]}:{provenances.TAG}"
    origin = provenances.dirty(image=image, message="Say <script>alert(1)</script>")
    inside = json.dumps(origin, indent=2).encode()
    dockerfile = b"FROM scratch\nCOPY provenance.json /app/\n"
    context = io.BytesIO(tar({"Dockerfile": dockerfile, "provenance.json": inside}))
    made, _ = engine.images.build(
        fileobj=context, custom_context=True, tag=image, labels=labels_of(inside), rm=True
    )
    digest = ""
    for answer in engine.images.push(image, stream=True, decode=True):
        assert "error" not in answer
        digest = answer.get("aux", {}).get("Digest", digest)
    yield Pushed(image, made.id, digest)
    engine.images.remove(image)


def ask(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    chosen = {"ISSUESUM_REGISTRY": "", **env}
    return Project(folder).issuesum("provenance", *arguments, ok=False, **chosen)


NOWHERE = {"DOCKER_HOST": "tcp://127.0.0.1:1", "GIT_DIR": os.devnull}


def test_the_registry_alone_is_enough_in_an_empty_folder(pushed: Pushed, tmp_path: Path) -> None:
    done = ask(tmp_path, pushed.image, **NOWHERE)
    assert done.returncode == 0, done.stderr
    assert f"{pushed.image.removesuffix(f':{provenances.TAG}')}@{pushed.digest}\n" in done.stdout
    assert "└─ raw data ad365add0125  2.5 MB, 4,000 rows" in done.stdout
    assert "warning" not in done.stdout
    repository = pushed.image.removesuffix(f":{provenances.TAG}")
    by_digest = ask(tmp_path, f"{repository}@{pushed.digest}", "--json", **NOWHERE)
    assert json.loads(by_digest.stdout)["image"]["digest"] == pushed.digest
    assert list(tmp_path.iterdir()) == []


def test_a_tag_alone_is_refused_there_with_what_to_do(pushed: Pushed, tmp_path: Path) -> None:
    done = ask(tmp_path, pushed.image.rpartition(":")[2], **NOWHERE)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: A tag or digest alone needs a repository")


def test_an_image_id_is_asked_of_the_engine(pushed: Pushed, tmp_path: Path) -> None:
    for image_id in (pushed.id, pushed.id.removeprefix("sha256:")[:12]):
        done = ask(tmp_path, image_id, "--json", ISSUESUM_REGISTRY=pushed.image.split("/")[0])
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert document["provenance"]["image"] == pushed.image
        assert document["image"]["disagreements"] == []
    done = ask(tmp_path, "0" * 12)
    assert (done.returncode, "must hold the image 000000000000" in done.stderr) == (4, True)


def test_an_image_that_only_the_engine_holds_is_found_there(
    pushed: Pushed, engine: docker.DockerClient, tmp_path: Path
) -> None:
    gone = f"127.0.0.1:1/issuesum-test:{uuid4().hex[:8]}"  # as of a registry that was switched off
    local = f"issuesum-test-{uuid4().hex[:8]}:v1"
    for name in (gone, local):
        engine.images.get(pushed.image).tag(name)
    saved = b"".join(engine.images.get(gone).save(named=gone))
    engine.images.remove(gone)
    refused = ask(tmp_path, gone)
    assert (refused.returncode, "no answer" in refused.stderr) == (7, True)
    engine.images.load(saved)
    try:
        for name in (gone, local):
            done = ask(tmp_path, name, "--json")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["provenance"]["image"] == pushed.image
        # Other verbs need a registry; what they advise is done.
        project = Project(tmp_path)
        options = ("--no-titles", "--no-rows")
        refused = project.issuesum("diff", local, pushed.image, *options, ok=False)
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
        place = f"{pushed.image.rpartition(':')[0]}:again"
        _, command, steps = refused.stderr.partition("docker tag ")
        assert steps.startswith(f"{local} registry/name:tag, and docker push of that")
        tag = f"{command}{steps}".partition(",")[0].replace("registry/name:tag", place)
        for step in (tag.split(), ["docker", "push", place]):
            subprocess.run(step, check=True, capture_output=True)
        engine.images.remove(place)
        done = project.issuesum("diff", place, pushed.image, *options)
        assert pushed.image.rpartition(":")[0] in done.stdout
    finally:
        for name in (gone, local):
            engine.images.remove(name)


def test_the_page_fits_any_window_and_asks_nobody(pushed: Pushed, tmp_path: Path) -> None:
    done = ask(tmp_path, pushed.image, "--html", "page.html", **NOWHERE)
    assert done.returncode == 0, done.stderr
    with chromium() as browser:
        page = browser.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        for width in (400, 1600):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto((tmp_path / "page.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == width
            for table in page.locator(".scroll").all():
                assert table.evaluate("it => it.scrollWidth <= it.clientWidth")
            (drawing,) = [each for each in page.locator("figure svg").all() if each.is_visible()]
            letters = drawing.locator("text").first.bounding_box()
            assert letters["height"] > 12
        assert [url for url in asked if not url.startswith("file:")] == []
        assert complaints == []
