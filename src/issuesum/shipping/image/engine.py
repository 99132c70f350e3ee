"""The connection to Docker Engine, and its refusals as one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import docker
from docker.errors import DockerException
from requests import RequestException
from urllib3.exceptions import HTTPError

from issuesum.errors import EngineError


@contextmanager
def engine() -> Iterator[docker.DockerClient]:
    """Give a client of the engine that DOCKER_HOST or the default socket names.

    Raises:
        EngineError: no engine answers, or it refuses what the block asks.
    """
    try:
        client = docker.from_env()
        client.ping()
    except (DockerException, RequestException) as error:
        raise EngineError(
            f"Docker Engine must answer. Received: {one_line(error)}. "
            "Try: tools/services up, start Docker, or set DOCKER_HOST; then the same command again."
        ) from error
    try:
        yield client
    except (DockerException, RequestException, HTTPError) as error:
        raise EngineError(
            f"Docker Engine must do what it is asked. Received: {one_line(error)}. "
            "Try: docker info, and the engine's log."
        ) from error
    finally:
        client.close()


def one_line(error: Exception) -> str:
    """Return the engine's own words, folded to one line."""
    text = getattr(error, "explanation", None) or str(error)
    return " ".join(str(text).split())
