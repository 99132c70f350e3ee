"""The bundle's Dockerfile: the stage `runtime`, which an engine builds, and what is added to it.

The runtime is what an image has below code, model and provenance. It is kept in the image's own
repository, so that an export after a retrain neither builds nor sends it, and needs no engine.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import IO, cast

import docker
from docker.models.images import Image
from docker.utils.build import create_archive

from issuesum.errors import ArtifactError
from issuesum.layout import DOCKERFILE, REQUIREMENTS
from issuesum.registry.canonical import (
    EPOCH,
    CanonicalImage,
    Layer,
    layer_of_files,
    pack,
    pack_entries,
)
from issuesum.registry.image import unpacked
from issuesum.registry.labels import labels_of
from issuesum.shipping.image.engine import build, platform_of

RUNTIME = "runtime"
"""The stage that an engine builds."""
PROVENANCE = "provenance.json"
HIDDEN, ALL_HIDDEN = ".wh.", ".wh..wh..opq"
"""How a layer hides what is below it. Source: OCI image specification, "Whiteouts"."""
_LEFT_OUT = re.compile(r"(^|/)__pycache__$|(^|/)\.cache/pip(/|$)")
_FROM = re.compile(r"^FROM\s.*$", re.IGNORECASE | re.MULTILINE)
_OURS = re.compile(rf"FROM\s+{RUNTIME}", re.IGNORECASE)
_COPY = re.compile(r"COPY((?:\s+[\w.][^\s$*?\[]*)+)\s+/([^\s$]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile whose last stage adds files to the stage `runtime`, and does nothing else."""

    head: str  # all above the last stage
    copies: tuple[str, ...]  # the lines of the last stage

    @classmethod
    def read(cls, bundle: Path) -> Dockerfile:
        """Read the one of a bundle (ArtifactError: its last stage does something else)."""
        text = (bundle / DOCKERFILE.name).read_text(encoding="utf-8")
        starts = [found.start() for found in _FROM.finditer(text)] or [0]
        lines = [line.strip() for line in text[starts[-1] :].splitlines()]
        first, *copies = (line for line in lines if line and not line.startswith("#"))
        wrong = [] if _OURS.fullmatch(first) else [first]
        wrong += [line for line in copies if not _COPY.fullmatch(line)]
        if wrong:
            raise ArtifactError(
                f"The last stage of {bundle / DOCKERFILE.name} must be FROM {RUNTIME} and lines "
                f"COPY SOURCE... /TARGET. Received: {wrong[0]}. Try: move it into the stage "
                f"{RUNTIME}, or write the names out."
            )
        return cls(text[: starts[-1]], tuple(copies))


def key_of(bundle: Path, *below: object) -> str:
    """Return a hash of what the runtime of a bundle is made from, and of what it stands on."""
    requirements = (bundle / REQUIREMENTS.name).read_text(encoding="utf-8")
    made_from = [Dockerfile.read(bundle).head, requirements, *below]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:40]


def compose(
    runtime: CanonicalImage, bundle: Path, provenance: bytes, *, folder: Path
) -> CanonicalImage:
    """Return the image of a bundle and the content of its /app/provenance.json.

    Its new layers are written to `folder`; each is of one COPY, from what changes least to what
    changes most. ArtifactError: the last stage of the Dockerfile is none of ours, or names no file.
    """
    labels = labels_of(provenance)
    layers = [
        layer_of_files(_files(line, bundle, provenance), folder / f"copy-{number}.tar.gz", line)
        for number, line in enumerate(Dockerfile.read(bundle).copies)
    ]
    return replace(
        runtime,
        settings={**runtime.settings, "Labels": {**runtime.settings.get("Labels", {}), **labels}},
        layers=(*runtime.layers, *layers),
        created=labels.get("org.opencontainers.image.created", EPOCH),
    )


def _files(line: str, bundle: Path, provenance: bytes) -> Mapping[str, Path | bytes]:
    """Return what a COPY adds, as `docker build` would, by paths in the image."""
    _, *sources, target = line.split()
    into = PurePosixPath(target.removeprefix("/"))
    found: dict[str, Path | bytes] = {}
    for source in sources:
        path = bundle / source
        if source == PROVENANCE or path.is_file():
            named = into / path.name if target.endswith("/") else into
            found[str(named)] = provenance if source == PROVENANCE else path
        for each in path.rglob("*"):
            if each.is_file() and "__pycache__" not in each.parts:
                found[str(into / each.relative_to(path))] = each
    if not found:
        raise ArtifactError(
            f"{line!r} must copy files of {bundle}. Received: none there. Try: dvc repro build."
        )
    return found


def build_runtime(
    client: docker.DockerClient, bundle: Path, *, base: tuple[str, Image], staging: str,
    folder: Path,
) -> CanonicalImage:  # fmt: skip
    """Build a runtime as `staging`, its layers in `folder` (EngineError: a step failed).

    `base` is as `fetch_base` gives it.
    """
    name, image = base
    below = image.attrs["RootFS"]["Layers"]
    # As text: they may be links into DVC's cache, which the engine could not follow.
    names = (DOCKERFILE.name, REQUIREMENTS.name)
    recipe = [(name, (bundle / name).read_text(encoding="utf-8")) for name in names]
    build(
        client, staging, what=bundle,
        advice=f"docker system df, and the same; or docker build --target {RUNTIME} {bundle}",
        fileobj=create_archive(str(bundle), [], extra_files=recipe),
        target=RUNTIME, buildargs={"BASE_IMAGE": name}, platform=platform_of(image.attrs),
    )  # fmt: skip
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
                plain = unpacked(read(name))
                layers.append(pack(plain, folder / f"base-{number}.tar.gz", "base image"))
            own = [read(name) for name in listed["Layers"][len(below) :]]
            layers.append(_merged(own, folder / "runtime.tar.gz"))
    return CanonicalImage.of(config, layers)


def _merged(layers: Sequence[IO[bytes]], target: Path) -> Layer:
    """Make one layer of those above the base: how many there are depends on the engine."""
    found: dict[str, tuple[tarfile.TarInfo, tarfile.TarFile]] = {}
    for file in layers:
        plain = unpacked(file)
        if plain is not file:  # an engine may keep a layer packed, as it got it
            packed, plain = plain, cast("IO[bytes]", tempfile.TemporaryFile())  # noqa: SIM115
            shutil.copyfileobj(packed, plain)
            plain.seek(0)
        tar = tarfile.TarFile(fileobj=plain)
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
            file = cast("BufferedReader", tar.extractfile(entry)) if entry.isreg() else None
            # Bytecode that names its source by time (PEP 552) is of no use: no file here has one.
            is_dated = file and path.endswith(".pyc") and not any(file.peek(8)[4:8])
            if is_dated or _LEFT_OUT.search(path):
                continue
            ours = entry.replace(name=path, mtime=0, uname="", gname="")
            ours.pax_headers = {key: of for key, of in entry.pax_headers.items() if "xattr" in key}
            yield ours, file

    return pack_entries(canonical(), target, "Dockerfile")
