"""The model folder of an image, which is copied out of it; nothing of the image is run."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import NotFound

from issuesum.errors import ArtifactError, EngineError, RegistryError
from issuesum.registry.bounded import LARGEST, limited
from issuesum.registry.client import Registry
from issuesum.registry.folder import read_folder
from issuesum.registry.image import RemoteImage, read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.image.engine import engine, one_line

MODEL = "app/model"
"""Where the Dockerfile puts it."""


@contextmanager
def model_of(image: str) -> Iterator[Path]:
    """Give a copy of the image's model folder, as long as the block lasts.

    Args:
        image: what `docker pull` takes. Docker Engine is asked first; where it does not hold the
            image, or does not answer, the registry is.

    Raises:
        RegistryError: the image cannot be had.
        ArtifactError: it holds no such folder.
    """
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        if _copied_by_engine(image, Path(folder)):
            yield Path(folder) / "model"
            return
    registry, found = _of_registry(image)
    with remote_model(registry, found) as model:
        yield model


@contextmanager
def remote_model(registry: Registry, image: RemoteImage) -> Iterator[Path]:
    """Give a copy of the image's model folder, as long as the block lasts, without an engine.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
        ArtifactError: the image holds no such folder.
    """
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        target = Path(folder) / "model"
        target.mkdir()
        read_folder(registry, image, MODEL, target)
        yield target


def _of_registry(image: str) -> tuple[Registry, RemoteImage]:
    reference = Reference.parse(image)
    registry = Registry(reference.host)
    try:
        return registry, read_image(registry, reference)
    except RegistryError as error:
        reason = str(error).partition("Received: ")[2].partition(" Try: ")[0]
        raise RegistryError(
            f"{image} must be held by Docker Engine or by a registry. Received: {reason} "
            f"Try: docker login, then docker pull {image}; or --bundle."
        ) from error


def _copied_by_engine(image: str, folder: Path) -> bool:
    try:
        with engine() as client:
            client.images.get(image)
            _copy(client, image, folder)
    except EngineError:  # no engine, or none that has this image
        return False
    return True


def _copy(client: docker.DockerClient, image: str, folder: Path) -> None:
    # A command is needed where the image has none; the container is never started.
    container = client.containers.create(image, ["never"], network_mode="none")
    try:
        chunks, _ = container.get_archive(f"/{MODEL}")
        with tempfile.TemporaryFile(dir=folder) as packed:
            packed.writelines(limited(chunks, LARGEST, f"/{MODEL}"))
            packed.seek(0)
            with tarfile.open(fileobj=packed) as archive:
                archive.extractall(folder, filter="data")
    except (NotFound, tarfile.TarError) as error:
        raise ArtifactError(
            f"{image} must hold a model in /{MODEL}. Received: {one_line(error)}. "
            "Try: an image that the export stage made."
        ) from error
    finally:
        container.remove(force=True)
