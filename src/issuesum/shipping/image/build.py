"""`docker build` of a bundle, under a name that no finished image has."""

from __future__ import annotations

import hashlib
import io
import platform
import re
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO
from uuid import uuid4

import docker
from docker.errors import DockerException
from requests import RequestException
from tqdm import tqdm

from issuesum.errors import EngineError
from issuesum.registry.labels import labels_of
from issuesum.registry.reference import Reference

_PROVENANCE = "provenance.json"
_CHATTER = ("Removing intermediate container", "--->")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NOT_CARRIED = "saved_model"  # for TensorFlow Serving, and as large as the rest together


@contextmanager
def staging_tag(client: docker.DockerClient, image: Reference) -> Iterator[str]:
    """Give a name to build under, which is removed when the block ends; layers stay.

    What a killed export left under such a name is removed first; so nobody on this machine may be
    exporting the same image (`ship` holds a lock).
    """
    repository = f"issuesum-building/{image.name}"
    # An engine may build for several machines, and for several registries.
    owner = hashlib.sha256(f"{platform.node()} {image.host}".encode()).hexdigest()[:12]
    _remove(client, repository, f"{repository}:{owner}-")
    name = f"{repository}:{owner}-{uuid4().hex[:12]}"
    try:
        yield name
    finally:
        with suppress(DockerException, RequestException):  # the block's own error is the one to see
            _remove(client, repository, name)


def build_image(
    client: docker.DockerClient, bundle: Path, provenance: bytes, *, image: str, base_image: str
) -> None:
    """Build `image` from a bundle and the content of its /app/provenance.json, with its labels.

    Raises:
        EngineError: a step of the Dockerfile failed.
    """
    with tempfile.TemporaryFile() as context:
        _write_context(context, bundle, provenance)
        context.seek(0)
        answers = client.api.build(
            fileobj=context, custom_context=True, tag=image, labels=labels_of(provenance),
            buildargs={"BASE_IMAGE": base_image}, rm=True, forcerm=True, decode=True,
        )  # fmt: skip
        last = ""
        with tqdm(desc="docker build", unit=" lines", disable=None) as progress:
            for answer in answers:
                progress.update()
                if "error" in answer:
                    raise EngineError(
                        f"Cannot build {bundle}. Received: {_plain(answer['error'])} "
                        f"(after: {last}). Try: docker system df, and the same again; or docker "
                        f"build {bundle}, with an empty {_PROVENANCE}."
                    )
                line = _plain(answer.get("stream", ""))
                if line and not line.startswith(_CHATTER):
                    last = line


def _remove(client: docker.DockerClient, repository: str, prefix: str) -> None:
    for image in client.images.list(repository):
        for tag in image.tags:
            if tag.startswith(prefix):
                for container in client.containers.list(all=True, filters={"ancestor": tag}):
                    container.remove(force=True)
                client.images.remove(tag, force=True, noprune=True)


def _plain(text: str) -> str:
    return " ".join(_COLOURS.sub("", text).split())


def _write_context(target: IO[bytes], bundle: Path, provenance: bytes) -> None:
    # Dates, owners and modes are fixed, so that equal files make equal layers, and files are
    # readable by whatever user the container runs as.
    paths = (path.relative_to(bundle) for path in bundle.rglob("*") if path.is_file())
    names = sorted(path for path in paths if path.parts[0] != _NOT_CARRIED)
    files = ((name.as_posix(), (bundle / name).read_bytes()) for name in names)
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, content in chain(files, [(_PROVENANCE, provenance)]):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
