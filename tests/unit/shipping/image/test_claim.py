"""When a tag of the registry is ours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from issuesum.errors import RegistryError
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from issuesum.shipping.image.claim import Lineage, held
from registry_stub import Answer, Asked, serve

OURS = Lineage("c" * 40, "b" * 32 + ".dir", "a" * 64)


@contextmanager
def registry(labels: dict[str, str]) -> Iterator[tuple[Registry, Reference, str]]:
    """Give a registry that holds one image of these labels."""
    config = json.dumps({"config": {"Labels": labels}}).encode()
    of_config = f"sha256:{hashlib.sha256(config).hexdigest()}"
    manifest = json.dumps({"config": {"digest": of_config}, "layers": []}).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"

    def script(asked: Asked) -> Answer:
        if asked.path.endswith(of_config):
            return Answer(content=config)
        if asked.path.endswith(("/manifests/tag", digest)):
            return Answer(content=manifest, headers={"Docker-Content-Digest": digest})
        return Answer(404)

    with serve(script) as (host, _):
        yield Registry(host), Reference(host, "name", "tag"), digest


def test_equal_lineage_is_ours_whatever_else_the_labels_say() -> None:
    labels = {**OURS.labels, "org.opencontainers.image.created": "another day"}
    with registry(labels) as (there, image, digest):
        assert held(there, image, OURS) == digest
        assert held(there, Reference(image.host, "name", "free"), OURS) is None


@pytest.mark.parametrize(
    "other",
    [
        Lineage(OURS.commit, OURS.bundle, None),
        Lineage(OURS.commit, OURS.bundle, "d" * 64),
        Lineage(OURS.commit, "d" * 32, OURS.patch),
        Lineage("d" * 40, OURS.bundle, OURS.patch),
        Lineage(None, None, None),
    ],
)
def test_another_lineage_is_a_clash_that_shows_both(other: Lineage) -> None:
    with (
        registry(other.labels) as (there, image, digest),
        pytest.raises(RegistryError, match=f"must be free, or made from {OURS}") as raised,
    ):
        held(there, image, OURS)
    assert f"Received: {digest}, made from {other}. Try: git commit" in str(raised.value)
