"""When a tag of the registry is ours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from issuesum.errors import RegistryError
from issuesum.lineage.tag import Version
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from issuesum.shipping.image.ship import Target, _lineage
from registry_stub import Answer, Asked, serve

PATCH = hashlib.sha256(b"a patch").hexdigest()
COMMIT, BUNDLE, _ = OURS = ("c" * 40, "b" * 32 + ".dir", PATCH)


def target(host: str, tag: str = "tag") -> Target:
    return Target(Reference(host, "name", tag), Version(COMMIT, False, BUNDLE), b"a patch")


def labels_of(*lineage: str | None) -> dict[str, str]:
    """Return the labels that record a lineage."""
    names = (
        "org.opencontainers.image.revision", "io.issuesum.hash.bundle", "io.issuesum.patch",
    )  # fmt: skip
    return {name: value for name, value in zip(names, lineage, strict=True) if value}


@contextmanager
def registry(labels: dict[str, str]) -> Iterator[tuple[Registry, str]]:
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
        yield Registry(host), digest


def test_equal_lineage_is_ours_whatever_else_the_labels_say() -> None:
    labels = {**labels_of(*OURS), "org.opencontainers.image.created": "another day"}
    with registry(labels) as (there, digest):
        assert target(there.host).pushed_digest(there) == digest
        assert target(there.host, "free").pushed_digest(there) is None


@pytest.mark.parametrize(
    "other",
    [
        (COMMIT, BUNDLE, None),
        (COMMIT, BUNDLE, "d" * 64),
        (COMMIT, "d" * 32, PATCH),
        ("d" * 40, BUNDLE, PATCH),
        (None, None, None),
    ],
)
def test_another_lineage_is_a_clash_that_shows_both(
    other: tuple[str | None, str | None, str | None],
) -> None:
    ours = _lineage(*OURS)
    with (
        registry(labels_of(*other)) as (there, digest),
        pytest.raises(RegistryError, match=f"must be free, or made from {ours}") as raised,
    ):
        target(there.host).pushed_digest(there)
    assert f"Received: {digest}, made from {_lineage(*other)}. Try: git commit" in str(raised.value)
