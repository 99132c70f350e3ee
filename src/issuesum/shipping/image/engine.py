"""Docker Engine: the connection to it, and images that it pushes and pulls.

Credentials are those of `issuesum.registry.credentials`; they are in no file of ours.
"""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from requests import RequestException
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from issuesum.errors import EngineError
from issuesum.registry.client import refusal
from issuesum.registry.credentials import credentials_for
from issuesum.registry.reference import Reference

# Faults that may pass by themselves; a denial, or a wrong name, is none.
_PASSING = re.compile(
    r"connection (refused|reset)|broken pipe|closed network connection|server closed|\bEOF\b"
    r"|time(d )?.?out|temporary failure|unexpected HTTP status: 5|status code 5\d\d"
    r"|too many requests|toomanyrequests|unavailable|bad gateway",
    re.IGNORECASE,
)


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
            f"Docker Engine must answer. Received: {reason_of(error)}. "
            "Try: tools/services up, start Docker, or set DOCKER_HOST; then the same command again."
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
        try:
            client.images.pull(pinned, auth_config=_authentication(Reference.parse(pinned)))
        except APIError as error:
            raise refusal(pinned, reason_of(error)) from error


def push(client: docker.DockerClient, image: Reference, *, patience: float) -> str:
    """Push `image`, which has a tag and is in the engine, and return the digest.

    Faults of the network are tried again, after longer and longer pauses, until they have lasted
    `patience` seconds without a layer that gets through.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
    """
    since, pause = math.inf, 0.5  # time of the first fault; seconds until the next try
    while True:
        reason = "Docker Engine ended the push without a digest"
        waiting: set[str] = set()
        for answer in _with_progress(client, image):
            layer, status = answer.get("id", ""), answer.get("status", "")
            if "error" in answer:
                reason = " ".join(answer["error"].split())
                if not _PASSING.search(reason):
                    raise refusal(str(image), reason)
                break
            if status.startswith("Retrying in"):  # the engine itself tries a layer again
                since = min(since, time.monotonic())
                _check_patience(image, "Docker Engine cannot send a layer", since, patience)
                if layer not in waiting:
                    note = f"push: layer {layer} was cut off; {status.lower()}"
                    tqdm.write(note, file=sys.stderr)
                waiting.add(layer)
                continue
            waiting.discard(layer)
            if status == "Pushed":
                since, pause = math.inf, 0.5
            if digest := answer.get("aux", {}).get("Digest"):
                return str(digest)
        since = min(since, time.monotonic())
        _check_patience(image, reason, since, patience)
        tqdm.write(f"push: {reason}; again in {pause:g} s", file=sys.stderr)
        time.sleep(pause)
        pause = min(2 * pause, 8.0)


def _check_patience(image: Reference, reason: str, since: float, patience: float) -> None:
    if time.monotonic() - since >= patience:
        raise refusal(str(image), f"no success in {patience:g} s: {reason}")


def _with_progress(client: docker.DockerClient, image: Reference) -> Iterator[dict[str, Any]]:
    answers: Iterable[dict[str, Any]] = client.api.push(
        image.repository, tag=image.tag, stream=True, decode=True,
        auth_config=_authentication(image),
    )  # fmt: skip
    sent: dict[str, int] = {}
    with tqdm(desc="push", unit="B", unit_scale=True, disable=None) as progress:
        for answer in answers:
            layer = answer.get("id", "")
            before = sent.get(layer, 0)
            sent[layer] = max(before, answer.get("progressDetail", {}).get("current", 0))
            progress.update(sent[layer] - before)
            yield answer


def _authentication(image: Reference) -> dict[str, str] | None:
    credentials = credentials_for(image.host)
    return credentials.for_engine if credentials else None
