"""Sending an image to its registry: what is there already is not sent."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, cast

from tqdm import tqdm

from issuesum.registry.canonical import MANIFEST, CanonicalImage
from issuesum.registry.client import PassingError, Registry, digest_of, refusal
from issuesum.registry.reference import Reference


def push(registry: Registry, image: Reference, made: CanonicalImage, *, patience: float) -> None:
    """Push an image under the digest, or else the tag, of `image`.

    Faults that may pass are followed by further tries, after longer and longer pauses, until they
    have lasted `patience` seconds without a layer that gets through.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
    """
    contents: list[tuple[Path | bytes, str]] = [
        *((layer.path, layer.digest) for layer in made.layers if layer.path),
        (made.config, digest_of(made.config)),
    ]
    for content, digest in contents:
        _patiently(partial(_send, registry, image, content, digest), image, patience)
    put(registry, image, made, patience=patience)


def put(registry: Registry, image: Reference, made: CanonicalImage, *, patience: float) -> None:
    """Put an image, whose layers and config are there, under the digest or else tag of `image`.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
    """
    _patiently(partial(registry.put_manifest, image, made.manifest, MANIFEST), image, patience)


def _send(registry: Registry, image: Reference, content: Path | bytes, digest: str) -> None:
    if registry.holds(image, digest):
        return
    if isinstance(content, bytes):
        registry.upload(image, content, digest)
        return
    size = content.stat().st_size
    with (
        content.open("rb") as file,
        tqdm.wrapattr(file, "read", size, desc="push", disable=None) as shown,
    ):
        registry.upload(image, cast("IO[bytes]", shown), digest)


def _patiently(step: Callable[[], object], image: Reference, patience: float) -> None:
    since, pause = math.inf, 0.5  # time of the first fault; seconds until the next try
    while True:
        try:
            step()
        except PassingError as error:
            since = min(since, time.monotonic())
            if time.monotonic() - since >= patience:
                reason = f"no success in {patience:g} s: {error.reason}"
                raise refusal(str(image), reason) from error
            wait = max(pause, error.pause)
            tqdm.write(f"push: {error.reason}; again in {wait:g} s", file=sys.stderr)
            time.sleep(wait)
            pause = min(2 * pause, 8.0)
        else:
            return
