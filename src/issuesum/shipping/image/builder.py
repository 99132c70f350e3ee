"""Who makes the runtime of an image and tries the image: an engine, or this process without one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

import docker

from issuesum.errors import EngineError
from issuesum.registry.canonical import CanonicalImage
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from issuesum.shipping.image.container import python_output, smoke_test
from issuesum.shipping.image.engine import engine, fetch
from issuesum.shipping.image.runtime import (
    newest_runtime,
    newest_tag,
    recipe,
    runtime_of,
    staging_tag,
)
from issuesum.shipping.image.unpacked import Unpacked

Kind = Literal["auto", "engine", "registry"]
"""Values of export.builder."""


class Builder(Protocol):
    """Makes and tries an image; each method raises EngineError, ArtifactError or RegistryError."""

    tried: str
    """What `first_title` returns, for people."""

    def runtime(
        self, image: Reference, bundle: Path, *, base_image: str, folder: Path, patience: float
    ) -> CanonicalImage:
        """Return the runtime of a bundle; `folder` gets the layers that are made."""
        ...

    def first_title(self, image: Reference, pinned: Reference, *, timeout: float) -> str:
        """Run `pinned`, which was pushed; its answers must name it `image`."""
        ...

    def keep(self, image: Reference, pinned: Reference) -> None:
        """Give `pinned` the name `image` where it ran."""
        ...

    def python_output(self, pinned: Reference, script: str) -> bytes:
        """Return what the image's Python prints."""
        ...


@contextmanager
def builder(kind: Kind, registry: Registry) -> Iterator[Builder]:
    """Give the builder of a kind for the block; `auto` is an engine if one answers.

    Raises:
        EngineError: no engine answers, and it must be one.
    """
    with ExitStack() as stack:
        reason = "export.builder is registry"
        if kind != "registry":
            try:
                client = stack.enter_context(engine())
            except EngineError as error:
                if kind == "engine":
                    raise
                reason = str(error).partition("Received: ")[2].partition(". Try: ")[0]
            else:
                yield ByEngine(client, registry, stack)
                return
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="issuesum-"))
        yield ByRegistry(registry, Path(folder), reason)


def check_builder(
    kind: Kind, registry: Registry, image: Reference, root: Path, *, base_image: str
) -> None:
    """Check that a project's next export would have an engine or a runtime.

    Raises:
        EngineError: it would have neither.
        RegistryError: the registry is unreachable or refuses us.
    """
    with builder(kind, registry) as by, recipe(root) as files:
        if isinstance(by, ByRegistry):
            by.runtime(image, files, base_image=base_image, folder=files, patience=0)


@dataclass(frozen=True)
class ByEngine:
    """An engine builds the runtime, and runs the image in a container.

    Attributes:
        stack: ends with the use of this; removes what the engine need not keep.
    """

    client: docker.DockerClient
    registry: Registry
    stack: ExitStack
    tried = "the container's first title"

    def runtime(
        self, image: Reference, bundle: Path, *, base_image: str, folder: Path, patience: float
    ) -> CanonicalImage:
        """Return the runtime from the registry, or have the engine build it."""
        return runtime_of(
            self.client, self.registry, image, bundle, base_image=base_image,
            staging=self._staging(image), folder=folder, patience=patience,
        )  # fmt: skip

    def first_title(self, image: Reference, pinned: Reference, *, timeout: float) -> str:
        """Run it as the engine pulls it."""
        fetch(self.client, str(pinned))
        staging = self._staging(image)
        self.client.images.get(str(pinned)).tag(*staging.split(":"))
        return smoke_test(self.client, staging, called=str(image), timeout=timeout)

    def keep(self, image: Reference, pinned: Reference) -> None:
        """Tag it."""
        self.client.images.get(str(pinned)).tag(image.repository, image.tag)

    def python_output(self, pinned: Reference, script: str) -> bytes:
        """Run it in a container."""
        return python_output(self.client, str(pinned), script)

    @cache  # noqa: B019 -- as short-lived as this is
    def _staging(self, image: Reference) -> str:
        return self.stack.enter_context(staging_tag(self.client, image))


@dataclass(frozen=True)
class ByRegistry:
    """The runtime comes from the registry, and the image runs as a process from its files.

    Attributes:
        folder: empty; gets the image's files.
        reason: why this is not done by an engine.
    """

    registry: Registry
    folder: Path
    reason: str
    tried = "first title of the image's server, run as a process without an engine"

    def runtime(
        self, image: Reference, bundle: Path, *, base_image: str, folder: Path, patience: float
    ) -> CanonicalImage:
        """Return the runtime that an engine pushed last."""
        del folder, patience
        found = newest_runtime(self.registry, image, bundle, base_image=base_image)
        if found is None:
            kept = newest_tag(image, bundle, base_image=base_image)
            raise EngineError(
                f"Docker Engine must answer, or the registry hold the runtime {kept}. Received: no "
                f"such runtime, and no engine ({self.reason}). Try: issuesum export --runtime-only "
                "where an engine answers; or start Docker, or set DOCKER_HOST."
            )
        return found

    def first_title(self, image: Reference, pinned: Reference, *, timeout: float) -> str:
        """Run it as the registry gives it."""
        return self._unpacked(pinned).first_title(called=str(image), timeout=timeout)

    def keep(self, image: Reference, pinned: Reference) -> None:
        """Do nothing: there is no place for names."""

    def python_output(self, pinned: Reference, script: str) -> bytes:
        """Run it as a process."""
        return self._unpacked(pinned).python_output(script)

    @cache  # noqa: B019 -- as short-lived as this is
    def _unpacked(self, pinned: Reference) -> Unpacked:
        return Unpacked.of(self.registry, pinned, self.folder)
