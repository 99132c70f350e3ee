"""Docker Engine and the image that ours is built on."""

from __future__ import annotations

import shutil
from pathlib import Path

from docker.errors import ImageNotFound

from issuesum.automation.doctor.finding import Finding, note, ok
from issuesum.errors import EngineError
from issuesum.lineage.git import without_secrets
from issuesum.shipping.image.engine import engine

_NEEDED = 2 * 10**9
"""Bytes: base image, ours, and the layers of some builds before."""
_LOCAL = "http+docker://"
"""What docker-py calls an engine behind a socket of this machine."""


def answering_engine() -> Finding:
    """Ask Docker Engine who it is and look at the disk that it keeps images on.

    Raises:
        EngineError: none answers.
    """
    with engine() as client:
        version, info = client.version(), client.info()
        local = client.api.base_url.startswith(_LOCAL)
        where = "the local socket" if local else without_secrets(client.api.base_url)
    found = f"{version['Version']}, {version['Os']}/{version['Arch']}, {where}"
    place = Path(info["DockerRootDir"])
    if not local or not place.exists():
        return ok(found)  # a disk of another machine
    free = shutil.disk_usage(place).free
    found += f", {free / 1e9:.1f} GB free in {place}"
    if free < _NEEDED:
        return note(found, "docker system df, then docker image prune")
    return ok(found)


def base_image(name: str) -> Finding:
    """Look whether the engine holds the image that ours is built on."""
    try:
        with engine() as client:
            held = client.images.get(name)
    except EngineError as error:
        if isinstance(error.__cause__, ImageNotFound):
            return note(f"{name} is not here; the first build pulls it", "tools/services up")
        return note("not looked at, for want of an engine", "see engine above")
    return ok(f"{name}, {str(held.id).removeprefix('sha256:')[:12]}")
