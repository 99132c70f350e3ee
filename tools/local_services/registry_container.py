"""The registry as a container, for machines without Debian's package."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from local_services import engine_client
from local_services.errors import ServiceError
from local_services.files import read_json, write_json
from local_services.net import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "registry:2"
VOLUME = "issuesum-registry"
RECORD = "container.json"


def possible() -> bool:
    """Tell whether an engine answers."""
    return engine_client.refusal() is None


def runs(folder: Path) -> bool:
    """Tell whether the container that was started from this folder runs."""
    from docker.errors import NotFound

    identifier = read_json(folder / RECORD).get("id")
    if not identifier or not possible():
        return False
    with engine_client.connect() as client:
        try:
            return client.containers.get(str(identifier)).status == "running"
        except NotFound:
            return False


def start(folder: Path, port: int) -> None:
    """Run the registry, published on loopback, with its images in a volume of the engine.

    A volume and not a folder, because the engine may run in a virtual machine that does not see
    this machine's folders.
    """
    from docker.errors import APIError

    stop(folder)
    engine_client.pull(IMAGE)
    with engine_client.connect() as client:
        try:
            container = client.containers.run(
                IMAGE,
                detach=True,
                ports={"5000/tcp": (LOOPBACK, port)},
                volumes={VOLUME: {"bind": "/var/lib/registry", "mode": "rw"}},
                labels={"issuesum.state": str(folder.parent)},
            )
        except APIError as error:
            raise ServiceError(f"Docker Engine must run {IMAGE}. Received: {error}") from error
        write_json(folder / RECORD, {"id": str(container.id)})


def stop(folder: Path) -> bool:
    """Remove the container; tell whether there was one. The volume stays."""
    from docker.errors import NotFound

    identifier = read_json(folder / RECORD).get("id")
    if not identifier or not possible():
        return False
    found = False
    with engine_client.connect() as client, contextlib.suppress(NotFound):
        container = client.containers.get(str(identifier))
        container.stop()
        container.remove()
        found = True
    (folder / RECORD).unlink()
    return found


def hint(folder: Path) -> str | None:
    """Say how to read what the container printed, if there is one."""
    identifier = read_json(folder / RECORD).get("id")
    return f"docker logs {str(identifier)[:12]}" if identifier else None
