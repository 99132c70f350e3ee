"""What an image has below bundle and provenance: the Dockerfile's stage `runtime`, made once.

Only making it needs an engine. It is kept in the image's own repository, so that an export after a
retrain neither builds nor sends it, and needs no engine.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import posixpath
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO
from uuid import uuid4

import docker
from docker.errors import DockerException, ImageNotFound
from docker.models.images import Image
from requests import RequestException
from tqdm import tqdm

from issuesum.errors import EngineError, RegistryError
from issuesum.layout import DOCKERFILE, REQUIREMENTS
from issuesum.registry.canonical import CanonicalImage, Layer, pack, pack_entries, read_canonical
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from issuesum.shipping.image.dockerfile import RUNTIME, Dockerfile
from issuesum.shipping.image.engine import pull
from issuesum.shipping.image.push import push, put

_CHATTER = ("Removing intermediate container", "--->")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
HIDDEN, ALL_HIDDEN = ".wh.", ".wh..wh..opq"
"""How a layer hides what is below it. Source: OCI image specification, "Whiteouts"."""
_LEFT_OUT = re.compile(r"(^|/)__pycache__(/|$)|\.pyc$|(^|/)\.cache/pip(/|$)")


@contextmanager
def staging_tag(client: docker.DockerClient, image: Reference) -> Iterator[str]:
    """Give a name to build under, which is removed when the block ends; layers stay.

    What a killed export left under such a name is removed first; so nobody on this machine may be
    exporting the same image (`ship` holds a lock).
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


def runtime_of(
    client: docker.DockerClient,
    registry: Registry,
    image: Reference,
    bundle: Path,
    *,
    base_image: str,
    staging: str,
    folder: Path,
    patience: float,
) -> CanonicalImage:
    """Return the runtime of a bundle from the repository of `image`, or make and push it.

    It also becomes what `newest_runtime` returns. `folder` gets the layers that are made.

    Raises:
        EngineError: a step of the Dockerfile failed.
        RegistryError: the registry is unreachable or refuses us.
    """
    base = _base(client, base_image)
    system, architecture = (base.attrs[name] for name in ("Os", "Architecture"))
    key = _key(bundle, base.attrs["RootFS"]["Layers"], [system, architecture])
    kept = replace(image, tag=f"runtime-{key}")
    made = _held(registry, kept)
    if made is None:
        made = build_runtime(client, bundle, base_image=base_image, staging=staging, folder=folder)
        push(registry, kept, made, patience=patience)
    newest = newest_tag(image, bundle, base_image=base_image, architecture=architecture)
    if registry.digest(newest) != made.digest:
        try:
            put(registry, newest, made, patience=patience)
        except RegistryError as error:  # where no tag may be moved
            tqdm.write(f"exports without an engine use an earlier runtime: {error}", sys.stderr)
    return made


def newest_runtime(
    registry: Registry, image: Reference, bundle: Path, *, base_image: str
) -> CanonicalImage | None:
    """Return the runtime of a bundle that an engine pushed last, None if there is none.

    Its base image has the name and the architecture that an engine on this machine would take.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
    """
    return _held(registry, newest_tag(image, bundle, base_image=base_image))


@contextmanager
def recipe(root: Path) -> Iterator[Path]:
    """Give a folder with what the runtime of the next bundle is made from."""
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        for path in (DOCKERFILE, REQUIREMENTS):
            shutil.copy(root / path, folder)
        yield Path(folder)


def newest_tag(
    image: Reference, bundle: Path, *, base_image: str, architecture: str = ""
) -> Reference:
    """Return where the newest runtime is; its architecture is by default that of this machine."""
    here = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    architecture = architecture or here
    return replace(image, tag=f"runtime-{architecture}-{_key(bundle, base_image)}")


def _key(bundle: Path, *below: object) -> str:
    requirements = (bundle / REQUIREMENTS.name).read_text(encoding="utf-8")
    made_from = [Dockerfile.read(bundle).head, requirements, *below]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:40]


def _held(registry: Registry, kept: Reference) -> CanonicalImage | None:
    if not registry.digest(kept):
        return None
    found = read_canonical(registry, kept)
    return found if all(registry.holds(kept, each.digest) for each in found.layers) else None


def build_runtime(
    client: docker.DockerClient, bundle: Path, *, base_image: str, staging: str, folder: Path
) -> CanonicalImage:
    """Build the runtime of a bundle under the name `staging`; its layers are written to `folder`.

    Raises:
        EngineError: a step of the Dockerfile failed.
    """
    below = _base(client, base_image).attrs["RootFS"]["Layers"]
    _build(client, bundle, base_image=base_image, image=staging)
    with tempfile.TemporaryFile(dir=folder) as saved:
        saved.writelines(client.images.get(staging).save())
        saved.seek(0)
        with tarfile.open(fileobj=saved) as archive:
            (listed,) = json.load(_member(archive, "manifest.json"))
            config = json.load(_member(archive, listed["Config"]))
            layers = []
            for number, name in enumerate(listed["Layers"][: len(below)]):
                copy = partial(shutil.copyfileobj, _unpacked(_member(archive, name)))
                layers.append(pack(copy, folder / f"base-{number}.tar.gz", "base image"))
            own = [_unpacked(_member(archive, name)) for name in listed["Layers"][len(below) :]]
            layers.append(_merged(own, folder / "runtime.tar.gz"))
    return CanonicalImage.of(config, layers)


def _base(client: docker.DockerClient, name: str) -> Image:
    try:
        return client.images.get(name)
    except ImageNotFound:
        pull(client, Reference.parse(name))
        return client.images.get(name)


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
            if "error" in answer:
                raise EngineError(
                    f"Cannot build {bundle}. Received: {_plain(answer['error'])} (after: {last}). "
                    "Try: docker system df, and the same again; or docker build --target "
                    f"{RUNTIME} {bundle}."
                )
            line = _plain(answer.get("stream", ""))
            if line and not line.startswith(_CHATTER):
                last = line


def _merged(layers: Sequence[IO[bytes]], target: Path) -> Layer:
    """Make one layer of those above the base: how many there are depends on the engine."""
    found: dict[str, tuple[tarfile.TarInfo, tarfile.TarFile]] = {}
    for file in layers:
        tar = tarfile.TarFile(fileobj=file)
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


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise EngineError(
            f"What Docker Engine saves must hold {name}. Received: no such file. Try: docker info."
        )
    return found


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    packed = file.read(2) == b"\x1f\x8b"  # by an engine that keeps images as it got them
    file.seek(0)
    if not packed:
        return file
    plain = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the last use of it
    shutil.copyfileobj(gzip.GzipFile(fileobj=file), plain)
    plain.seek(0)
    return plain


def _remove(client: docker.DockerClient, repository: str, prefix: str) -> None:
    for image in client.images.list(repository):
        for tag in image.tags:
            if tag.startswith(prefix):
                for container in client.containers.list(all=True, filters={"ancestor": tag}):
                    container.remove(force=True)
                client.images.remove(tag, force=True, noprune=True)


def _plain(text: str) -> str:
    return " ".join(_COLOURS.sub("", text).split())
