"""The model folder of an image, which is copied out of it; nothing of the image is run."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import NotFound

from issuesum.errors import ArtifactError, RegistryError
from issuesum.image.engine import engine, one_line
from issuesum.image.transfer import fetch

MODEL = "/app/model"
"""Where the Dockerfile puts it."""


@contextmanager
def model_of(image: str) -> Iterator[Path]:
    """Give a copy of the image's model folder, as long as the block lasts.

    Args:
        image: what `docker pull` takes; it is pulled unless Docker Engine holds it.

    Raises:
        EngineError: no engine answers, or it refuses.
        RegistryError: the image cannot be had.
        ArtifactError: it holds no such folder.
    """
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        with engine() as client:
            _pull(client, image)
            _copy(client, image, Path(folder))
        yield Path(folder) / "model"


def _pull(client: docker.DockerClient, image: str) -> None:
    try:
        fetch(client, image)
    except RegistryError as error:
        reason = error.__cause__
        raise RegistryError(
            f"{image} must be held by Docker Engine or by a registry. Received: "
            f"{one_line(reason) if isinstance(reason, Exception) else error}. "
            f"Try: docker login, then docker pull {image}; or --bundle."
        ) from error


def _copy(client: docker.DockerClient, image: str, folder: Path) -> None:
    # A command is needed where the image has none; the container is never started.
    container = client.containers.create(image, ["never"], network_mode="none")
    try:
        chunks, _ = container.get_archive(MODEL)
        with tempfile.TemporaryFile(dir=folder) as packed:
            packed.writelines(chunks)
            packed.seek(0)
            with tarfile.open(fileobj=packed) as archive:
                archive.extractall(folder, filter="data")
    except (NotFound, tarfile.TarError) as error:
        raise ArtifactError(
            f"{image} must hold a model in {MODEL}. Received: {one_line(error)}. "
            "Try: an image that the export stage made."
        ) from error
    finally:
        container.remove(force=True)
