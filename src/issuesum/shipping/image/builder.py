"""Who makes the runtime of an image and tries the image: an engine, or this process without one."""

import fcntl
import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Literal
from uuid import uuid4

import docker
from docker.errors import DockerException
from requests import RequestException
from tqdm import tqdm

from issuesum.errors import EngineError, RegistryError
from issuesum.layout import DOCKERFILE, REQUIREMENTS
from issuesum.registry.canonical import CanonicalImage, push, read_canonical
from issuesum.registry.client import Registry
from issuesum.registry.image import architecture
from issuesum.registry.reference import Reference
from issuesum.shipping.image.container import python_output, smoke_test
from issuesum.shipping.image.dockerfile import build_runtime, key_of
from issuesum.shipping.image.engine import emulating, engine, fetch, fetch_base, platform_of
from issuesum.shipping.image.process import Unpacked

Kind = Literal["auto", "engine", "registry"]
"""Values of export.builder."""


@dataclass(frozen=True)
class _Builder:
    """What an image is made with; methods raise EngineError, ArtifactError or RegistryError."""

    registry: Registry
    image: Reference  # registry/name:tag; without a tag for its runtime alone
    base: str  # image, as `docker pull` takes it
    platform: str  # os/architecture

    def newest_tag(self, bundle: Path) -> Reference:
        """Return where the runtime of a bundle is that an engine pushed last for the platform."""
        machine = self.platform.rpartition("/")[2]
        return replace(self.image, tag=f"runtime-{machine}-{key_of(bundle, self.base)}")

    def held(self, kept: Reference) -> CanonicalImage | None:
        """Return the runtime that the registry holds, whole, under a tag."""
        if not self.registry.digest(kept):
            return None
        found = read_canonical(self.registry, kept)
        whole = all(self.registry.holds(kept, each.digest) for each in found.layers)
        return found if whole else None


@dataclass(frozen=True)
class ByEngine(_Builder):
    """An engine builds the runtime, and runs the image in a container."""

    client: docker.DockerClient
    stack: ExitStack  # ends with the use of this; removes what the engine need not keep
    tried = "the container's first title"

    def runtime(self, bundle: Path, folder: Path) -> CanonicalImage:
        """Return the runtime of a bundle, which exports without an engine find by `newest_tag`.

        It is made and pushed if the registry lacks it; `folder` gets its layers then.
        """
        base = fetch_base(self.client, self.base, self.platform)
        found = base[1].attrs
        below = (found["RootFS"]["Layers"], [found["Os"], found["Architecture"]])
        kept = replace(self.image, tag=f"runtime-{key_of(bundle, *below)}")
        made = self.held(kept)
        if made is None:
            made = build_runtime(
                self.client, bundle, base=base, staging=self._staging, folder=folder
            )
            push(self.registry, kept, made)
        newest = self.newest_tag(bundle)
        if self.registry.digest(newest) != made.digest:
            try:
                push(self.registry, newest, made)
            except RegistryError as error:  # where no tag may be moved
                tqdm.write(f"exports without an engine use an earlier runtime: {error}", sys.stderr)
        return made

    def first_title(self, pinned: Reference, *, timeout: float) -> str:
        """Run the image as the engine pulls it; its answers must name it. The engine keeps it."""
        pulled = fetch(self.client, str(pinned), self.platform)
        pulled.tag(*self._staging.split(":"))
        title = smoke_test(self.client, self._staging, called=str(self.image), timeout=timeout)
        pulled.tag(self.image.repository, self.image.tag)
        return title

    def python_output(self, pinned: Reference, script: str) -> bytes:
        """Return what the image's Python prints in a container."""
        return python_output(self.client, str(pinned), script)

    @cached_property
    def _staging(self) -> str:
        return self.stack.enter_context(staging_tag(self.client, self.image))


@dataclass(frozen=True)
class ByRegistry(_Builder):
    """The runtime comes from the registry, and the image runs as a process from its files."""

    folder: Path  # empty; gets the image's files
    reason: str  # why this is not done by an engine
    tried = "first title of the image's server, run as a process without an engine"

    def runtime(self, bundle: Path, _: Path | None = None) -> CanonicalImage:
        """Return the runtime that an engine pushed last."""
        newest = self.newest_tag(bundle)
        if found := self.held(newest):
            return found
        raise EngineError(
            f"Docker Engine must answer, or the registry hold the runtime {newest}. Received: no "
            f"such runtime, and no engine ({self.reason}). Try: issuesum export --runtime-only "
            "where an engine answers; or start Docker, or set DOCKER_HOST."
        )

    def first_title(self, pinned: Reference, *, timeout: float) -> str:
        """Run the image as the registry gives it; its answers must name it."""
        return self._unpacked(pinned).first_title(called=str(self.image), timeout=timeout)

    def python_output(self, pinned: Reference, script: str) -> bytes:
        """Return what the image's Python prints in a process."""
        return self._unpacked(pinned).python_output(script)

    @cache  # noqa: B019 -- as short-lived as this is
    def _unpacked(self, pinned: Reference) -> Unpacked:
        return Unpacked.of(self.registry, pinned, self.folder)


Builder = ByEngine | ByRegistry


@contextmanager
def builder(
    kind: Kind, image: Reference, *, base: str, platform: str, patience: float | None = None
) -> Iterator[Builder]:
    """Give a builder for the block (EngineError: no engine answers).

    Kind `auto` is an engine if one answers, and platform `auto` that of who builds. `patience` is
    how long faults of a push may last, in seconds.
    """
    registry = Registry(image.host, patience)
    with ExitStack() as stack:
        reason = "export.builder is registry"
        if kind != "registry":
            try:
                client = stack.enter_context(engine())
            except EngineError as error:
                if kind == "engine":
                    raise
                reason = error.received
            else:
                own = platform_of(client.version())
                platform = own if platform == "auto" else platform
                yield ByEngine(registry, image, base, platform, client, stack)
                return
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="issuesum-"))
        stack.enter_context(emulating())
        platform = f"linux/{architecture()}" if platform == "auto" else platform
        yield ByRegistry(registry, image, base, platform, Path(folder), reason)


def check_builder(kind: Kind, repository: str, root: Path, *, base: str, platform: str) -> None:
    """Check that a next export has an engine or a runtime (EngineError: it has neither)."""
    image = Reference.parse(repository)
    with builder(kind, image, base=base, platform=platform) as by, _recipe(root) as files:
        if isinstance(by, ByRegistry):
            by.runtime(files)


def push_runtime(
    repository: str, root: Path, *, base: str, platform: str, patience: float
) -> Reference:
    """Have an engine make the runtime of a project's next image, unless the registry holds it.

    Returns where exports without an engine find it (EngineError: no engine, or a step failed).
    """
    image = Reference.parse(repository)
    with (
        exclusive(image.repository),
        builder("engine", image, base=base, platform=platform, patience=patience) as by,
        _recipe(root) as files,
    ):
        by.runtime(files, files)
        return by.newest_tag(files)


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold the lock of `name`; another process of this user and machine waits, with a message.

    The kernel drops the lock when its holder dies, so none is ever left behind. The file stays.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"issuesum-export-{os.getuid()}-{digest}.lock"
    # Anyone can foresee the name: a link that somebody else put there is not followed.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tqdm.write(f"waiting for another export of {name}", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def staging_tag(client: docker.DockerClient, image: Reference) -> Iterator[str]:
    """Give a name to build under, which is removed when the block ends; layers stay.

    What a killed export left under such a name is removed first, so hold the lock (`exclusive`).
    """
    repository = f"issuesum-building/{image.name}"
    # An engine may build for several machines and users, and for several registries.
    whose = f"{platform.node()} {os.getuid()} {image.host}"
    owner = hashlib.sha256(whose.encode()).hexdigest()[:12]
    _remove(client, repository, f"{repository}:{owner}-")
    name = f"{repository}:{owner}-{uuid4().hex[:12]}"
    try:
        yield name
    finally:
        with suppress(DockerException, RequestException):  # the block's own error is the one to see
            _remove(client, repository, name)


@contextmanager
def _recipe(root: Path) -> Iterator[Path]:
    """Give a folder with what the runtime of the next bundle is made from."""
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        for path in (DOCKERFILE, REQUIREMENTS):
            shutil.copy(root / path, folder)
        yield Path(folder)


def _remove(client: docker.DockerClient, repository: str, prefix: str) -> None:
    for image in client.images.list(repository):
        for tag in image.tags:
            if tag.startswith(prefix):
                for container in client.containers.list(
                    all=True, ignore_removed=True, filters={"ancestor": tag}
                ):
                    if container.attrs["Config"]["Image"] == tag:  # others run equal layers
                        container.remove(force=True)
                client.images.remove(tag, force=True, noprune=True)
