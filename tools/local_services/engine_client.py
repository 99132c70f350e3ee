"""The Docker Engine that the docker SDK finds: DOCKER_HOST, else the default socket."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from local_services.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

PULL_SECONDS = 600
SILENCE_SECONDS = 60


@contextlib.contextmanager
def connect(timeout: int = SILENCE_SECONDS) -> Iterator[DockerClient]:
    """Open a client and close it.

    Args:
        timeout: seconds that the engine may be silent.

    Raises:
        ServiceError: no engine answers.
    """
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=timeout)
    except DockerException as error:
        raise ServiceError(f"Docker Engine must answer. Received: {error}") from error
    try:
        yield client
    finally:
        client.close()


def refusal() -> str | None:
    """Return why no engine answers, or None if one does."""
    try:
        with connect(timeout=10) as client:
            client.ping()
    except (ServiceError, OSError) as error:  # what requests raises is an OSError
        return str(error)
    return None


def has_image(name: str) -> bool:
    """Tell whether the engine holds an image."""
    from docker.errors import ImageNotFound

    with connect() as client:
        try:
            client.images.get(name)
        except ImageNotFound:
            return False
    return True


def pull(name: str) -> None:
    """Pull an image unless the engine holds it.

    Raises:
        ServiceError: the image cannot be had, or not within PULL_SECONDS, or the engine says
            nothing for SILENCE_SECONDS.
    """
    if has_image(name):
        return
    repository, _, tag = name.partition(":")
    deadline = time.monotonic() + PULL_SECONDS
    try:
        with connect() as client:
            for step in client.api.pull(repository, tag=tag, stream=True, decode=True):
                if "error" in step:
                    raise ServiceError(_refused(name, step["error"]))
                if time.monotonic() > deadline:
                    raise ServiceError(_refused(name, f"not done after {PULL_SECONDS} s"))
    except OSError as error:  # the SDK's APIError and what requests raises are OSErrors
        raise ServiceError(_refused(name, str(error))) from error


def _refused(name: str, reason: str) -> str:
    return f"Docker Engine must be able to pull {name}. Received: {reason}. Try: docker pull {name}"
