"""Names of images that are still being made, so that a broken one never bears a good name."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

import docker
from docker.errors import DockerException
from requests import RequestException

from issuesum.registry.reference import Reference


@contextmanager
def temporary_name(client: docker.DockerClient, image: Reference) -> Iterator[str]:
    """Give a name to build under, which is gone when the block ends.

    What a killed export left under such a name is removed first; so nobody on this machine may be
    exporting the same image (`issuesum.shipping.image.lock`). Layers stay for the next build.
    """
    repository = f"issuesum-building/{image.name}"
    # An engine may build for several machines, and for several registries.
    owner = hashlib.sha256(f"{platform.node()} {image.host}".encode()).hexdigest()[:12]
    _remove(client, repository, f"{repository}:{owner}-")
    name = f"{repository}:{owner}-{uuid4().hex[:12]}"
    try:
        yield name
    finally:
        with suppress(DockerException, RequestException):  # an engine that is gone was told of
            _remove(client, repository, name)


def _remove(client: docker.DockerClient, repository: str, prefix: str) -> None:
    for image in client.images.list(repository):
        for tag in image.tags:
            if tag.startswith(prefix):
                for container in client.containers.list(all=True, filters={"ancestor": tag}):
                    container.remove(force=True)
                client.images.remove(tag, force=True, noprune=True)
