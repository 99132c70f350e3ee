"""Labels, files and folders of an image, read from its registry without Docker Engine."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from platform import machine
from typing import IO, Any

from issuesum.console import say
from issuesum.errors import ArtifactError, one_line
from issuesum.layout import IMAGE_MODEL
from issuesum.registry.client import LARGEST, SMALL, UNPACKED, Registry, too_large
from issuesum.registry.reference import Reference

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What Docker calls the machines that Python names otherwise."""
_FILES = 10_000  # below a prefix; a model has six


@dataclass(frozen=True)
class RemoteImage:
    """An image of a registry."""

    reference: Reference  # with the digest of the manifest
    size: int  # compressed bytes of all layers
    labels: dict[str, str]
    created: str  # RFC 3339
    layers: tuple[dict[str, Any], ...]  # descriptors, the lowest first
    architecture: str = ""  # as Go names it: amd64, arm64


def read_image(registry: Registry, image: Reference) -> RemoteImage:
    """Ask for an image's manifest and config; of an index, those that `docker pull` takes here.

    Raises:
        ArtifactError: what it holds is no image, or several and none for this machine.
        RegistryError: the registry is unreachable, refuses us or holds no such image.
    """
    try:
        digest, manifest = registry.manifest(image)
        if "manifests" in manifest:
            digest, manifest = registry.manifest(_for_here(image, manifest["manifests"]))
        config = json.loads(registry.blob(image, manifest["config"]["digest"]))
        return RemoteImage(
            reference=image.at(digest),
            size=sum(layer["size"] for layer in manifest["layers"]),
            labels=config.get("config", {}).get("Labels") or {},
            created=config.get("created", ""),
            layers=tuple(manifest["layers"]),
            architecture=config.get("architecture", ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ArtifactError(
            f"{image} must be an image. Received: something without {one_line(error)}. "
            "Try: an image that the export stage made."
        ) from error


def _for_here(image: Reference, listed: Iterable[dict[str, Any]]) -> Reference:
    """Return the image of an index that is meant; where it has several, say which."""
    found: dict[str, str] = {}
    for item in listed:
        platform = item.get("platform") or {}
        parts = (platform.get(name) for name in ("os", "architecture", "variant"))
        named = "/".join(filter(None, parts))
        if "artifactType" not in item and platform.get("os") != "unknown":  # no attestation
            found[item["digest"]] = named or "unnamed platform"
    ours = f"linux/{_ARCHITECTURES.get(machine(), machine())}"
    fitting = [digest for digest, named in found.items() if f"{named}/".startswith(f"{ours}/")]
    chosen = [*found] if len(found) == 1 else fitting
    if len(chosen) != 1:
        images = ", ".join(f"{named} {digest}" for digest, named in found.items())
        raise ArtifactError(
            f"{image} must be one image, or an index with one for {ours}. Received: an index of "
            f"{images or 'no images'}. Try: {image.repository}@ and one of the digests."
        )
    if len(found) > 1:
        platforms = ", ".join(found.values())
        say("note", f"{image} is an index of {platforms}: {found[chosen[0]]} is read, {chosen[0]}")
    return image.at(chosen[0])


def read_file(registry: Registry, image: RemoteImage, path: str) -> bytes:
    """Return a small file (no leading slash) of an image, from the uppermost layer that has it.

    Raises:
        ArtifactError: no small layer holds it, or one of them is large when it is unpacked.
        RegistryError: the registry is unreachable or refuses us.
    """
    for layer in reversed(image.layers):
        if layer["size"] > SMALL:
            continue  # a file that we look for is in one that is cheap to read
        packed = registry.blob(image.reference, layer["digest"])
        try:
            content = _unpack(packed, path)
        except (tarfile.TarError, OSError, EOFError):
            continue  # no layer of ours: an attestation, or another way of packing
        if content is not None:
            return content
    raise _missing(image, path)


@contextmanager
def remote_model(registry: Registry, image: RemoteImage) -> Iterator[Path]:
    """Give a copy of the image's model folder for the block, without an engine.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
        ArtifactError: the image holds no such folder.
    """
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        read_folder(registry, image, IMAGE_MODEL, Path(folder))
        yield Path(folder)


def read_folder(registry: Registry, image: RemoteImage, prefix: str, target: Path) -> None:
    """Copy the files below `prefix`, a/b, to an existing folder.

    They are those of the uppermost layer that has any: one COPY of a Dockerfile makes one layer.
    Layers are read from the top, one at a time, each checked against its digest before anything is
    taken out of it.

    Raises:
        ArtifactError: no layer holds such files, or one is too large or cannot be unpacked.
        RegistryError: the registry is unreachable or refuses us.
    """
    for layer in reversed(image.layers):
        with tempfile.TemporaryFile(dir=target) as packed:
            registry.download(image.reference, layer["digest"], packed, most=LARGEST)
            packed.seek(0)
            try:
                if _extract(packed, prefix, target):
                    return
            except (tarfile.TarError, EOFError, OSError) as error:
                raise ArtifactError(
                    f"Layer {layer['digest']} of {image.reference} must be a tar that can be "
                    f"unpacked. Received: {one_line(error)}. Try: another image, or free space."
                ) from error
    raise _missing(image, prefix)


def _missing(image: RemoteImage, path: str) -> ArtifactError:
    return ArtifactError(
        f"{image.reference} must hold /{path}. Received: an image without it. "
        "Try: an image that the export stage made."
    )


def _unpack(layer: bytes, path: str) -> bytes | None:
    if layer[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(layer)) as packed:
            layer = packed.read(UNPACKED + 1)
        if len(layer) > UNPACKED:
            raise too_large(UNPACKED, "A layer of that size, unpacked,")
    # Not packed once more (`r:`), and no more in a file than in the layer: a sparse one may say so.
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:") as archive:
        for entry in archive:
            if entry.isreg() and not entry.issparse() and entry.name.removeprefix("./") == path:
                file = archive.extractfile(entry)
                return file.read() if file else None
    return None


def _extract(packed: IO[bytes], prefix: str, target: Path) -> int:
    count = 0
    with tarfile.open(fileobj=packed) as archive:
        for entry in archive:
            if entry.offset_data + entry.size > LARGEST:
                raise too_large(LARGEST, "A layer, unpacked,")
            name = entry.name.removeprefix("./")
            if entry.isfile() and name.startswith(f"{prefix}/"):
                if count == _FILES:
                    raise too_large(_FILES, f"The folder /{prefix}", "files")
                inside = entry.replace(name=name.removeprefix(f"{prefix}/"))
                archive.extract(inside, target, filter="data")  # nothing outside target (PEP 706)
                count += 1
    return count
