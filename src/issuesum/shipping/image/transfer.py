"""Images to and from a registry, carried by Docker Engine.

Credentials are those of `issuesum.registry.credentials`; they are in no file of ours.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound
from tqdm import tqdm

from issuesum.registry.credentials import credentials_for
from issuesum.registry.reference import Reference
from issuesum.registry.refusals import refusal
from issuesum.shipping.image.engine import one_line

_LONGEST_PAUSE = 8.0
# What may be gone by itself a moment later; a denial, or a name that is none, is not among it.
_PASSING = re.compile(
    r"connection (refused|reset)|broken pipe|closed network connection|server closed|\bEOF\b"
    r"|time(d )?.?out|temporary failure|unexpected HTTP status: 5|status code 5\d\d"
    r"|too many requests|toomanyrequests|unavailable|bad gateway",
    re.IGNORECASE,
)


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
    faults = _Faults(image, patience)
    while True:
        try:
            return _push(client, image, faults)
        except _Fault as error:
            faults.pause(str(error))


class _Fault(Exception):  # noqa: N818 -- caught here
    """What may pass."""


class _Faults:
    """When the registry began to fail, and how long to wait before the next try."""

    def __init__(self, image: Reference, patience: float) -> None:
        self._image = image
        self._patience = patience
        self.forget()

    def forget(self) -> None:
        self._since: float | None = None
        self._next = 0.5

    def check(self, reason: str) -> None:
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since >= self._patience:
            raise refusal(str(self._image), f"no success in {self._patience:g} s: {reason}")

    def pause(self, reason: str) -> None:
        self.check(reason)
        tqdm.write(f"push: {reason}; again in {self._next:g} s", file=sys.stderr)
        time.sleep(self._next)
        self._next = min(2 * self._next, _LONGEST_PAUSE)


def _push(client: docker.DockerClient, image: Reference, faults: _Faults) -> str:
    credentials = credentials_for(image.host)
    answers: Iterable[dict[str, Any]] = client.api.push(
        image.repository,
        tag=image.tag,
        stream=True,
        decode=True,
        auth_config=credentials.for_engine if credentials else None,
    )
    layers: dict[str, int] = {}
    waiting: set[str] = set()
    with tqdm(desc="push", unit="B", unit_scale=True, disable=None) as progress:
        for answer in answers:
            layer, status = answer.get("id", ""), answer.get("status", "")
            if "error" in answer:
                reason = " ".join(answer["error"].split())
                raise _Fault(reason) if _PASSING.search(reason) else refusal(str(image), reason)
            if status.startswith("Retrying in"):  # the engine itself tries a layer again
                faults.check("Docker Engine cannot send a layer")
                if layer not in waiting:
                    tqdm.write(
                        f"push: layer {layer} was cut off; {status.lower()}", file=sys.stderr
                    )
                waiting.add(layer)
                continue
            waiting.discard(layer)
            if status == "Pushed":
                faults.forget()
            if digest := answer.get("aux", {}).get("Digest"):
                return str(digest)
            done = answer.get("progressDetail", {}).get("current", 0)
            progress.update(max(0, done - layers.get(layer, 0)))
            layers[layer] = max(done, layers.get(layer, 0))
    raise _Fault("Docker Engine ended the push without a digest")


def fetch(client: docker.DockerClient, pinned: str) -> None:
    """Pull registry/name@sha256:…, unless the engine holds it.

    Raises:
        RegistryError: the registry is unreachable, refuses us or does not hold it.
    """
    try:
        client.images.get(pinned)
    except ImageNotFound:
        credentials = credentials_for(Reference.parse(pinned).host)
        try:
            client.images.pull(pinned, auth_config=credentials.for_engine if credentials else None)
        except APIError as error:
            raise refusal(pinned, one_line(error)) from error
