"""The image of a working tree: built, tried, and pushed under a tag that is never moved."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from issuesum.errors import RegistryError
from issuesum.lineage.tag import Version, dirty_patch, version_of
from issuesum.registry.client import Registry, refusal
from issuesum.registry.image import read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.image.builder import Builder, builder
from issuesum.shipping.image.dockerfile import compose
from issuesum.shipping.image.push import push, put
from issuesum.shipping.image.runtime import newest_tag, recipe


@dataclass(frozen=True)
class Lineage:
    """What decides an image."""

    commit: str | None  # of Git, 40 hex digits
    bundle: str | None  # DVC's hash of serving/bundle
    patch: str | None  # sha256 of what a dirty tree adds to the commit, None of a clean one

    def __str__(self) -> str:
        """Return it in a few words."""
        patch = f"patch {self.patch[:12]}" if self.patch else "no patch"
        return f"commit {self.commit}, bundle {self.bundle}, {patch}"


@dataclass(frozen=True)
class Target:
    """An image by name, and what decides it."""

    image: Reference  # registry/name:tag
    version: Version  # what the tag is made of
    lineage: Lineage  # the version, and what a dirty tree adds to it

    @classmethod
    def of(cls, root: Path, bundle: Path, repository: str) -> Target:
        """Ask Git and DVC what an image in `repository`, registry/name, is made from now.

        Raises:
            ArtifactError: there is no bundle.
            RepositoryError: there is no commit, or no DVC repository.
        """
        patch = dirty_patch(root)
        version = version_of(root, bundle)
        changes = hashlib.sha256(patch).hexdigest() if patch else None
        lineage = Lineage(version.commit, version.bundle, changes)
        return cls(Reference.parse(f"{repository}:{version.tag}"), version, lineage)

    def pushed_digest(self, registry: Registry) -> str | None:
        """Return the digest of our image in the registry, None if there is nothing under its tag.

        It is ours if its lineage is: two builds of one lineage differ in the base image at most.

        Raises:
            RegistryError: the tag is there and was made from something else, or the registry is
                unreachable or refuses us.
        """
        digest = registry.digest(self.image)
        if digest is None:
            return None
        labels = read_image(registry, self.image.at(digest)).labels
        found = Lineage(
            commit=labels.get("org.opencontainers.image.revision"),
            bundle=labels.get("io.issuesum.hash.bundle"),
            patch=labels.get("io.issuesum.patch"),
        )
        if found != self.lineage:
            raise RegistryError(
                f"{self.image} must be free, or made from {self.lineage}. Received: {digest}, made "
                f"from {found}. Try: git commit, which makes another tag; a tag that is there is "
                "never moved."
            )
        return digest


def ship(
    builder: Builder,
    registry: Registry,
    target: Target,
    provenance: bytes,
    *,
    bundle: Path,
    base_image: str,
    timeout: float,
    patience: float,
) -> tuple[str, str | None]:
    """Make an image, unless the registry holds it by now.

    It is pushed under its digest, tried as the registry gives it, and only then gets its tag. Its
    server has `timeout` seconds for a first answer, and `push` has `patience` seconds.

    Returns:
        The digest under the tag, and the server's first title, None if another export was faster.

    Raises:
        EngineError: the build failed, or the server does not answer as it should.
        RegistryError: the tag was made from something else, or the registry is unreachable or
            refuses us.
    """
    image = target.image
    with exclusive(image.repository):
        if digest := target.pushed_digest(registry):
            return digest, None
        with tempfile.TemporaryDirectory(prefix="issuesum-") as place:
            folder = Path(place)
            runtime = builder.runtime(
                image, bundle, base_image=base_image, folder=folder, patience=patience
            )
            made = compose(runtime, bundle, provenance, folder=folder)
            pinned = image.at(made.digest)
            push(registry, pinned, made, patience=patience)
            title = builder.first_title(image, pinned, timeout=timeout)
            if digest := target.pushed_digest(registry):  # from another machine meanwhile
                return digest, None
            builder.keep(image, pinned)
            put(registry, image, made, patience=patience)
        # Another machine may have pushed at the same time: the last one has the tag.
        digest = target.pushed_digest(registry)
        if digest is None:
            raise refusal(str(image), "the push ended without an error, but the tag is not there")
        return digest, title


def push_runtime(
    registry: Registry, image: Reference, root: Path, *, base_image: str, patience: float
) -> Reference:
    """Have an engine make the runtime of a project's next image, unless the registry holds it.

    Returns:
        Where exports without an engine find it.

    Raises:
        EngineError: no engine answers, or a step of the Dockerfile failed.
        RegistryError: the registry is unreachable or refuses us.
    """
    with (
        exclusive(image.repository),
        builder("engine", registry) as by,
        recipe(root) as files,
        tempfile.TemporaryDirectory(prefix="issuesum-") as folder,
    ):
        made = by.runtime(
            image, files, base_image=base_image, folder=Path(folder), patience=patience
        )
        architecture = made.platform["architecture"]
        return newest_tag(image, files, base_image=base_image, architecture=architecture)


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold the lock of `name`; another process of this machine waits, with a message.

    The kernel drops the lock when its holder dies, so none is ever left behind. The file stays.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    handle = _open(Path(tempfile.gettempdir()) / f"issuesum-export-{digest}.lock")
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tqdm.write(f"waiting for another export of {name}", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    # For reading, which is all that a lock needs: it may be another user's, and Linux refuses to
    # open another's file of /tmp in any way that could make one.
    with suppress(FileExistsError):
        made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o644)
        os.fchmod(made, 0o644)  # whatever the umask
        os.close(made)
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
