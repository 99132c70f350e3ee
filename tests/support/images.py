"""The serving image over a bundle of our own, for tests of the running container."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.errors
from docker.models.containers import Container

import toy_bundle
from components import PROVENANCE
from issuesum.registry.labels import labels_of
from issuesum.shipping.image.container import HARDENED
from issuesum.training.bundle.assemble import copy_code
from projects import ROOT

BASE = "python:3.12-slim-bookworm"


@dataclass(frozen=True)
class Running:
    """A running container of the image.

    Attributes:
        container: of Docker Engine.
        rest: port of REST on the loopback address.
        grpc: port of gRPC.
        metrics: port of Prometheus' metrics.
        seconds: from its start to its first answer.
    """

    container: Container
    rest: int
    grpc: int
    metrics: int
    seconds: float

    def ask(
        self, path: str, content: Any = None, *, method: str = "", kind: str = "application/json"
    ) -> tuple[int, dict]:
        """Send JSON, or bytes as they are, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.rest, timeout=60)
        with contextlib.closing(connection):
            body = content if isinstance(content, bytes | None) else json.dumps(content)
            headers = {"Content-Type": kind} if body is not None else {}
            connection.request(method or ("GET" if body is None else "POST"), path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def memory(self) -> int:
        """Return the bytes that the container uses, without the page cache."""
        found = self.container.stats(stream=False)["memory_stats"]
        return found["usage"] - found["stats"].get("inactive_file", 0)


def build(client: docker.DockerClient, model: Path, folder: Path, *, image: str) -> None:
    """Build the image of a `model` folder by its Dockerfile alone."""
    bundle = folder / "bundle"
    bundle.mkdir()
    shutil.copytree(model, bundle / "model")
    copy_code(bundle, serving=ROOT / "serving", dockerfile=ROOT / "Dockerfile")
    origin = json.dumps({**PROVENANCE, "image": image}, indent=2).encode()
    (bundle / "provenance.json").write_bytes(origin)
    client.images.build(path=str(bundle), tag=image, labels=labels_of(origin), rm=True)


@contextlib.contextmanager
def running(client: docker.DockerClient, image: str, **options: Any) -> Iterator[Running]:
    """Run the image as strictly as production does, and wait for its first answer."""
    ports = [free_port() for _ in range(3)]
    published = {f"{inside}/tcp": ("127.0.0.1", port)
                 for inside, port in zip((9000, 5000, 6000), ports, strict=True)}  # fmt: skip
    started = time.monotonic()
    container = client.containers.run(
        image, detach=True, ports=published, **{**HARDENED, **options}
    )
    try:
        found = Running(container, *ports, seconds=0.0)
        while not _answers(found):
            container.reload()
            assert container.status == "running", container.logs().decode()[-2000:]
            assert time.monotonic() < started + 120, container.logs().decode()[-2000:]
            time.sleep(0.1)
        yield Running(container, *ports, seconds=time.monotonic() - started)
    finally:
        container.remove(force=True)


def _answers(found: Running) -> bool:
    try:
        return found.ask("/v2/health/ready")[0] == 200
    except (OSError, http.client.HTTPException, ValueError):
        return False


def free_port() -> int:
    """Return a port of the loopback address that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def run_inside(container: Container, code: str) -> str:
    """Run Python code in the container and return what it prints."""
    code_, output = container.exec_run(["python3", "-c", code])
    assert code_ == 0, output
    return str(output.decode())


def remove_images(client: docker.DockerClient, part: str) -> None:
    """Remove the images of which a tag contains `part`, whatever else is removed meanwhile."""
    # Unlike images.list, which asks for each image and fails if another worker has removed it.
    for listed in client.api.images():
        if any(part in tag for tag in listed["RepoTags"] or ()):
            with contextlib.suppress(docker.errors.ImageNotFound):
                client.images.remove(listed["Id"], force=True)


if __name__ == "__main__":
    # Before tests run: or several workers would install what the image needs at the same time.
    with contextlib.closing(docker.from_env()) as engine, tempfile.TemporaryDirectory() as made:
        (model := Path(made) / "model").mkdir()
        build(engine, toy_bundle.write_bundle(model), Path(made), image="issuesum-test-first:1")
        engine.images.remove("issuesum-test-first:1", noprune=True)
