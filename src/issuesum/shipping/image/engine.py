"""Docker Engine: the connection to it, and images that it pushes and pulls.

Credentials are those of `issuesum.registry.credentials`; they are in no file of ours.
"""

from __future__ import annotations

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

# What may be gone by itself a moment later; a denial, or a name that is none, is not among it.
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
    """Return what the engine said, folded to one line."""
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
    """Push `image` and return the digest of what was pushed.

    Faults of the network are tried again, after longer and longer pauses.

    Args:
        client: of Docker Engine, which holds the image.
        image: with a tag.
        patience: seconds from a first fault until another one is final; a layer that gets through
            ends the count.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
    """
    return _Push(client, image, patience).run()


class _PassingFault(Exception):  # noqa: N818 -- caught here
    """What may be gone at the next try."""


class _Push:
    """Tries to push, and the time since they began to fail."""

    def __init__(self, client: docker.DockerClient, image: Reference, patience: float) -> None:
        self._client, self._image, self._patience = client, image, patience
        self._forget_faults()

    def _forget_faults(self) -> None:
        self._since: float | None = None
        self._pause = 0.5

    def run(self) -> str:
        while True:
            try:
                return self._try()
            except _PassingFault as error:
                self._check_patience(str(error))
                tqdm.write(f"push: {error}; again in {self._pause:g} s", file=sys.stderr)
                time.sleep(self._pause)
                self._pause = min(2 * self._pause, 8.0)

    def _check_patience(self, reason: str) -> None:
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since >= self._patience:
            raise refusal(str(self._image), f"no success in {self._patience:g} s: {reason}")

    def _try(self) -> str:
        image = self._image
        answers: Iterable[dict[str, Any]] = self._client.api.push(
            image.repository, tag=image.tag, stream=True, decode=True,
            auth_config=_authentication(image),
        )  # fmt: skip
        layers: dict[str, int] = {}
        waiting: set[str] = set()
        with tqdm(desc="push", unit="B", unit_scale=True, disable=None) as progress:
            for answer in answers:
                layer, status = answer.get("id", ""), answer.get("status", "")
                if "error" in answer:
                    reason = " ".join(answer["error"].split())
                    passes = _PASSING.search(reason)
                    raise _PassingFault(reason) if passes else refusal(str(image), reason)
                if status.startswith("Retrying in"):  # the engine itself tries a layer again
                    self._check_patience("Docker Engine cannot send a layer")
                    if layer not in waiting:
                        note = f"push: layer {layer} was cut off; {status.lower()}"
                        tqdm.write(note, file=sys.stderr)
                    waiting.add(layer)
                    continue
                waiting.discard(layer)
                if status == "Pushed":
                    self._forget_faults()
                if digest := answer.get("aux", {}).get("Digest"):
                    return str(digest)
                before = layers.get(layer, 0)
                layers[layer] = max(before, answer.get("progressDetail", {}).get("current", 0))
                progress.update(layers[layer] - before)
        raise _PassingFault("Docker Engine ended the push without a digest")


def _authentication(image: Reference) -> dict[str, str] | None:
    credentials = credentials_for(image.host)
    return credentials.for_engine if credentials else None
