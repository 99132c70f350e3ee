"""What an image has below bundle and provenance: the Dockerfile's stage `runtime`, made once.

Only making it needs an engine. It is kept in the image's own repository, so that an export after a
retrain neither builds nor sends it, and needs no engine.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import platform
import posixpath
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, cast
from uuid import uuid4

import docker
from docker.errors import DockerException
from requests import RequestException
from tqdm import tqdm

from issuesum.errors import EngineError, one_line
from issuesum.layout import DOCKERFILE, REQUIREMENTS
from issuesum.registry.canonical import CanonicalImage, Layer, pack, pack_entries
from issuesum.registry.image import unpacked
from issuesum.registry.reference import Reference
from issuesum.shipping.image.dockerfile import RUNTIME, Dockerfile
from issuesum.shipping.image.engine import fetch

_CHATTER = ("Removing intermediate container", "--->")
HIDDEN, ALL_HIDDEN = ".wh.", ".wh..wh..opq"
"""How a layer hides what is below it. Source: OCI image specification, "Whiteouts"."""
_LEFT_OUT = re.compile(r"(^|/)__pycache__(/|$)|\.pyc$|(^|/)\.cache/pip(/|$)")


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold the lock of `name`; another process of this machine waits, with a message.

    The kernel drops the lock when its holder dies, so none is ever left behind. The file stays.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"issuesum-export-{digest}.lock"
    with suppress(FileExistsError):
        path.touch(exist_ok=False)
        path.chmod(0o644)  # whatever the umask
    # For reading, which is all that a lock needs: it may be another user's, and Linux refuses to
    # open another's file of /tmp in any way that could make one.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tqdm.write(f"waiting for another export of {name}", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def staging_tag(client: docker.DockerClient, image: Reference) -> Iterator[str]:
    """Give a name to build under, which is removed when the block ends; layers stay.

    What a killed export left under such a name is removed first; so nobody on this machine may be
    exporting the same image: hold the lock (`exclusive`).
    """
    repository = f"issuesum-building/{image.name}"
    # An engine may build for several machines, and for several registries.
    owner = hashlib.sha256(f"{platform.node()} {image.host}".encode()).hexdigest()[:12]
    _remove(client, repository, f"{repository}:{owner}-")
    name = f"{repository}:{owner}-{uuid4().hex[:12]}"
    try:
        yield name
    finally:
        with suppress(DockerException, RequestException):  # the block's own error is the one to see
            _remove(client, repository, name)


@contextmanager
def recipe(root: Path) -> Iterator[Path]:
    """Give a folder with what the runtime of the next bundle is made from."""
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        for path in (DOCKERFILE, REQUIREMENTS):
            shutil.copy(root / path, folder)
        yield Path(folder)


def key_of(bundle: Path, *below: object) -> str:
    """Return a hash of what the runtime of a bundle is made from, and of what it stands on."""
    requirements = (bundle / REQUIREMENTS.name).read_text(encoding="utf-8")
    made_from = [Dockerfile.read(bundle).head, requirements, *below]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:40]


def build_runtime(
    client: docker.DockerClient, bundle: Path, *, base_image: str, staging: str, folder: Path
) -> CanonicalImage:
    """Build the runtime of a bundle under the name `staging`; its layers are written to `folder`.

    Raises:
        EngineError: a step of the Dockerfile failed.
    """
    below = fetch(client, base_image).attrs["RootFS"]["Layers"]
    _build(client, bundle, base_image=base_image, image=staging)
    with tempfile.TemporaryFile(dir=folder) as saved:
        saved.writelines(client.images.get(staging).save())
        saved.seek(0)
        with tarfile.open(fileobj=saved) as archive:

            def read(name: str) -> IO[bytes]:
                return cast("IO[bytes]", archive.extractfile(name))

            (listed,) = json.load(read("manifest.json"))
            config = json.load(read(listed["Config"]))
            layers = []
            for number, name in enumerate(listed["Layers"][: len(below)]):
                copy = partial(shutil.copyfileobj, unpacked(read(name)))
                layers.append(pack(copy, folder / f"base-{number}.tar.gz", "base image"))
            own = [read(name) for name in listed["Layers"][len(below) :]]
            layers.append(_merged(own, folder / "runtime.tar.gz"))
    return CanonicalImage.of(config, layers)


def _build(client: docker.DockerClient, bundle: Path, *, base_image: str, image: str) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name in (DOCKERFILE.name, REQUIREMENTS.name):  # what the key of a runtime is made of
            entry, content = tarfile.TarInfo(name), (bundle / name).read_bytes()
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    answers = client.api.build(
        fileobj=io.BytesIO(context.getvalue()), custom_context=True, tag=image, target=RUNTIME,
        buildargs={"BASE_IMAGE": base_image}, rm=True, forcerm=True, decode=True,
    )  # fmt: skip
    last = ""
    with tqdm(desc="docker build", unit=" lines", disable=None) as progress:
        for answer in answers:
            progress.update()
            if error := one_line(answer.get("error", "")):
                raise EngineError(
                    f"Cannot build {bundle}. Received: {error} (after: {last}). "
                    "Try: docker system df, and the same again; or docker build --target "
                    f"{RUNTIME} {bundle}."
                )
            line = one_line(answer.get("stream", ""))
            if line and not line.startswith(_CHATTER):
                last = line


def _merged(layers: Sequence[IO[bytes]], target: Path) -> Layer:
    """Make one layer of those above the base: how many there are depends on the engine."""
    found: dict[str, tuple[tarfile.TarInfo, tarfile.TarFile]] = {}
    for file in layers:
        tar = tarfile.TarFile(fileobj=_plain(file))
        entries = {entry.name.removeprefix("./"): entry for entry in tar}
        for path in entries:
            folder, name = posixpath.split(path)
            if name.startswith(HIDDEN):
                gone = None if name == ALL_HIDDEN else posixpath.join(folder, name[len(HIDDEN) :])
                below = f"{gone or folder}/"
                kept = (each for each in found if each != gone and not each.startswith(below))
                found = {each: found[each] for each in kept}
        found |= {path: (entry, tar) for path, entry in entries.items()}

    def canonical() -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
        # A hard link comes after what it links to.
        for path in sorted(found, key=lambda path: (found[path][0].islnk(), path)):
            entry, tar = found[path]
            if _LEFT_OUT.search(path):
                continue
            kept = {key: text for key, text in entry.pax_headers.items() if "xattr" in key}
            ours = entry.replace(name=path, mtime=0, uname="", gname="")
            ours.pax_headers = kept
            yield ours, tar.extractfile(entry) if entry.isreg() else None

    return pack_entries(canonical(), target, "Dockerfile")


def _plain(layer: IO[bytes]) -> IO[bytes]:
    """Return a file of a layer, which an engine may keep packed, as it got it."""
    content = unpacked(layer)
    if content is layer:
        return layer
    plain = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the last use of it
    shutil.copyfileobj(content, plain)
    plain.seek(0)
    return plain


def _remove(client: docker.DockerClient, repository: str, prefix: str) -> None:
    for image in client.images.list(repository):
        for tag in image.tags:
            if tag.startswith(prefix):
                for container in client.containers.list(all=True, filters={"ancestor": tag}):
                    container.remove(force=True)
                client.images.remove(tag, force=True, noprune=True)
