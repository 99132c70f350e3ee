"""Files of an image, copied out of it; nothing of the image is run."""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import ImageNotFound, NotFound

from issuesum.errors import ArtifactError, EngineError, RegistryError
from issuesum.layout import IMAGE_MODEL
from issuesum.lineage.provenance.model import FILE
from issuesum.registry.client import LARGEST, UNPACKED, Registry, limited
from issuesum.registry.image import read_image, remote_model
from issuesum.registry.reference import Reference
from issuesum.shipping.image.engine import engine, reason_of


def read_local(name: str) -> tuple[dict[str, Any], bytes] | None:
    """Return `docker image inspect` and /app/provenance.json of an image that the engine holds.

    Raises:
        ArtifactError: it has no provenance, or a huge one.
        EngineError: the engine does not answer.
    """
    with engine() as client, tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        try:
            image = client.images.get(name)
        except ImageNotFound:
            return None
        copied = _copy(client, name, FILE, Path(folder), most=UNPACKED)
        return dict(image.attrs), copied.read_bytes() if copied.is_file() else b""


@contextmanager
def model_of(image: str) -> Iterator[Path]:
    """Give a copy of the model folder of an image, as `docker pull` takes it, for the block.

    Docker Engine is asked first, then, if it does not answer or lacks the image, the registry.

    Raises:
        RegistryError: the image cannot be had.
        ArtifactError: it holds no such folder.
    """
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        copied = None
        with suppress(EngineError), engine() as client:  # if one answers, and has this image
            client.images.get(image)
            copied = _copy(client, image, IMAGE_MODEL, Path(folder), most=LARGEST)
        if copied:
            yield copied
            return
    reference = Reference.parse(image)
    registry = Registry(reference.host)
    try:
        found = read_image(registry, reference)
    except RegistryError as error:
        raise RegistryError(
            f"{image} must be held by Docker Engine or by a registry. Received: {error.received}. "
            "Try: another image, or --bundle."
        ) from error
    with remote_model(registry, found) as model:
        yield model


def _copy(client: docker.DockerClient, image: str, path: str, folder: Path, *, most: int) -> Path:
    # A command is needed where the image has none; the container is never started.
    container = client.containers.create(image, ["never"], network_mode="none")
    try:
        chunks, _ = container.get_archive(f"/{path}")
        with tempfile.TemporaryFile(dir=folder) as packed:
            packed.writelines(limited(chunks, most, f"/{path}"))
            packed.seek(0)
            with tarfile.open(fileobj=packed) as archive:
                archive.extractall(folder, filter="data")
    except (NotFound, tarfile.TarError) as error:
        raise ArtifactError(
            f"{image} must hold /{path}. Received: {reason_of(error)}. "
            "Try: an image that the export stage made."
        ) from error
    finally:
        container.remove(force=True)
    return folder / Path(path).name
