"""Docker Engine: the connection to it, and images that it pulls.

Credentials are those of `issuesum.registry.credentials`; they are in no file of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from requests import RequestException
from urllib3.exceptions import HTTPError

from issuesum.errors import EngineError, one_line
from issuesum.registry.client import refusal
from issuesum.registry.credentials import credentials_for
from issuesum.registry.reference import Reference


class NoEngineError(EngineError):
    """No engine answers."""


@contextmanager
def engine() -> Iterator[docker.DockerClient]:
    """Give a client of the engine that DOCKER_HOST or the default socket names.

    Raises:
        NoEngineError: none answers.
        EngineError: it refuses what the block asks.
    """
    try:
        client = docker.from_env()
        client.ping()
    except (DockerException, RequestException) as error:
        reason, advice = root_cause(error), "tools/services up, start Docker, or set DOCKER_HOST"
        if "Permission denied" in reason:
            advice = "join the group docker and log in again, or set DOCKER_HOST"
        raise NoEngineError(
            f"Docker Engine must answer. Received: {reason}. Try: {advice}; "
            "then the same command again."
        ) from error
    try:
        yield client
    except (DockerException, RequestException, HTTPError) as error:
        raise EngineError(
            f"Docker Engine failed. Received: {reason_of(error)}. "
            "Try: docker info, and the engine's log."
        ) from error
    finally:
        client.close()


def root_cause(error: BaseException) -> str:
    """Return what an error began with: the SDK and its HTTP client wrap that three times."""
    while below := error.__cause__ or error.__context__:
        error = below
    return getattr(error, "strerror", None) or one_line(error)


def reason_of(error: Exception) -> str:
    """Return the engine's reason, folded to one line."""
    return " ".join(str(getattr(error, "explanation", None) or error).split())


def fetch(client: docker.DockerClient, pinned: str) -> None:
    """Pull registry/name@sha256:…, unless the engine holds it.

    Raises:
        RegistryError: the registry is unreachable, refuses us or does not hold it.
    """
    try:
        client.images.get(pinned)
    except ImageNotFound:
        pull(client, Reference.parse(pinned))


def pull(client: docker.DockerClient, image: Reference) -> None:
    """Pull an image by its digest or tag.

    Raises:
        RegistryError: the registry is unreachable, refuses us or does not hold it.
    """
    credentials = credentials_for(image.host)
    known = credentials.for_engine if credentials else None
    try:
        for answer in client.api.pull(
            image.repository, image.version, stream=True, decode=True, auth_config=known
        ):
            if "error" in answer:
                raise refusal(str(image), answer["error"])
    except APIError as error:
        raise refusal(str(image), reason_of(error)) from error
