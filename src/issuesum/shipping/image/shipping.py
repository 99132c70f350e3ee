"""An image into a registry: built, tried, and pushed under a tag that is never moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import docker

from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from issuesum.registry.refusals import refusal
from issuesum.shipping.image.build import build_image
from issuesum.shipping.image.claim import Lineage, held
from issuesum.shipping.image.lock import exclusive
from issuesum.shipping.image.smoke import smoke_test
from issuesum.shipping.image.transfer import push
from issuesum.shipping.image.unnamed import temporary_name


@dataclass(frozen=True)
class Order:
    """An image to be made.

    Attributes:
        image: registry/name:tag.
        lineage: what it is made from.
        bundle: the folder that the build stage wrote.
        provenance: the content of /app/provenance.json.
        labels: OCI labels; those of the lineage are added.
        base_image: the Dockerfile's BASE_IMAGE.
    """

    image: Reference
    lineage: Lineage
    bundle: Path
    provenance: bytes
    labels: dict[str, str]
    base_image: str


@dataclass(frozen=True)
class Shipped:
    """What the registry holds now.

    Attributes:
        digest: under the tag.
        title: the container's first, None if somebody else was faster.
    """

    digest: str
    title: str | None


def ship(
    client: docker.DockerClient,
    registry: Registry,
    order: Order,
    *,
    timeout: float,
    patience: float,
) -> Shipped:
    """Make an image, unless the registry holds it by now.

    Args:
        client: of Docker Engine.
        registry: of the image.
        order: what to make.
        timeout: seconds for the container's first answer.
        patience: see `push`.

    Raises:
        EngineError: the build failed, or the container does not answer as it should.
        RegistryError: the tag was made from something else, or the registry is unreachable or
            refuses us.
    """
    image, lineage = order.image, order.lineage
    with exclusive(image.repository):
        if digest := held(registry, image, lineage):
            return Shipped(digest, None)
        with temporary_name(client, image) as name:
            build_image(
                client,
                order.bundle,
                order.provenance,
                image=name,
                labels={**order.labels, **lineage.labels},
                base_image=order.base_image,
            )
            title = smoke_test(client, name, called=str(image), timeout=timeout)
            if digest := held(registry, image, lineage):  # from another machine meanwhile
                return Shipped(digest, None)
            client.images.get(name).tag(image.repository, image.tag)
        pushed = push(client, image, patience=patience)
        # Another machine may have pushed at the same time: the last one has the tag.
        digest = pushed if registry.digest(image) == pushed else held(registry, image, lineage)
        if digest is None:
            raise refusal(str(image), "the push ended without an error, but the tag is not there")
        return Shipped(digest, title)
