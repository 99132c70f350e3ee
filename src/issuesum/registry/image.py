"""Labels, files and folders of an image, read from its registry without Docker Engine."""

import gzip
import json
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from platform import machine
from typing import IO, Any, cast

from backports import zstd

from issuesum.errors import ArtifactError, one_line
from issuesum.layout import IMAGE_MODEL
from issuesum.registry.client import LARGEST, SMALL, UNPACKED, Registry, too_large
from issuesum.registry.reference import Reference

UNREADABLE = (tarfile.TarError, zlib.error, zstd.ZstdError, EOFError, OSError, ValueError)
"""What `unpacked`, and tarfile with it, raise for what they cannot read."""
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")  # a frame, or one to skip
_FILES = 10_000  # below a prefix; a model has six
_HEADERS = 2**20  # bytes before a file's content: its name, and its extended attributes


def architecture() -> str:
    """Return what Docker calls this machine."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine(), machine())


@dataclass(frozen=True)
class RemoteImage:
    """An image of a registry."""

    reference: Reference  # with the digest of the manifest
    size: int  # compressed bytes of all layers
    labels: dict[str, str]
    created: str  # RFC 3339
    layers: tuple[dict[str, Any], ...]  # descriptors, the lowest first
    architecture: str = ""  # as Go names it: amd64, arm64


def read_image(registry: Registry, image: Reference, platform: str | None = None) -> RemoteImage:
    """Return an image; of an index, the one for a platform, by default this machine's.

    ArtifactError: it is no image, or an index of several and none for that platform.
    """
    platform = platform or f"linux/{architecture()}"
    try:
        digest, manifest = registry.manifest(image)
        if "manifests" in manifest:
            digest, manifest = registry.manifest(_of_index(image, manifest["manifests"], platform))
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


def _of_index(image: Reference, listed: Iterable[dict[str, Any]], wanted: str) -> Reference:
    """Return the image of an index that is meant."""
    found: dict[str, str] = {}
    for item in listed:
        platform = item.get("platform") or {}
        parts = (platform.get(name) for name in ("os", "architecture", "variant"))
        if "artifactType" not in item and platform.get("os") != "unknown":  # no attestation
            found[item["digest"]] = "/".join(filter(None, parts)) or "unnamed platform"
    fitting = [digest for digest, named in found.items() if f"{named}/".startswith(f"{wanted}/")]
    chosen = [*found] if len(found) == 1 else fitting
    if len(chosen) != 1:
        images = ", ".join(f"{named} {digest}" for digest, named in found.items())
        raise ArtifactError(
            f"{image} must be one image, or an index with one for {wanted}. Received: an index of "
            f"{images or 'no images'}. Try: {image.repository}@ and one of the digests."
        )
    return image.at(chosen[0])


def read_file(registry: Registry, image: RemoteImage, path: str) -> bytes:
    """Return a small file (no leading slash) from the uppermost layer that has it.

    ArtifactError: no small layer holds it, or one of them is large when it is unpacked.
    """
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        _read(registry, image, path, Path(folder), packed=SMALL, most=UNPACKED)
        return (Path(folder) / path).read_bytes()


@contextmanager
def remote_model(registry: Registry, image: RemoteImage) -> Iterator[Path]:
    """Give a copy of the image's model folder for the block (ArtifactError: it holds none)."""
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:
        read_folder(registry, image, IMAGE_MODEL, Path(folder))
        yield Path(folder)


def read_folder(registry: Registry, image: RemoteImage, prefix: str, target: Path) -> None:
    """Copy the files below `prefix`, a/b, to an existing folder.

    They are those of the uppermost layer that has any: one COPY of a Dockerfile makes one layer.
    ArtifactError: no layer holds such files, or one is too large or cannot be unpacked.
    """
    _read(registry, image, prefix, target, packed=LARGEST, most=LARGEST)


def _read(
    registry: Registry, image: RemoteImage, path: str, target: Path, *, packed: int, most: int
) -> None:
    """Copy a file, or those of a folder, out of layers of `packed` bytes, `most` when unpacked.

    Each layer is checked against its digest before anything is taken out of it. A sparse file,
    which may say that it is larger than the layer, is none.
    """
    cheap = [layer for layer in image.layers if layer["size"] <= packed]
    for layer in reversed(cheap):
        with tempfile.TemporaryFile(dir=target) as content:
            registry.download(image.reference, layer["digest"], content, most=packed)
            content.seek(0)
            count = 0
            try:
                for archive, entry in entries(content, most):
                    name = entry.name.removeprefix("./")
                    wanted = name == path or name.startswith(f"{path}/")
                    if wanted and entry.isreg() and not entry.issparse():
                        if count == _FILES:
                            raise too_large(_FILES, f"The folder /{path}", "files")
                        inside = entry.replace(name=name.removeprefix(f"{path}/"))
                        archive.extract(inside, target, filter="data")  # nothing outside (PEP 706)
                        count += 1
            except UNREADABLE as error:
                raise ArtifactError(
                    f"Layer {layer['digest']} ({layer.get('mediaType', 'no media type')}) of "
                    f"{image.reference} must be a tar that can be unpacked, plain or packed by "
                    f"gzip or zstd. Received: {one_line(error)}. Try: another image, or free space."
                ) from error
            if count:
                return
    where = f" in its layers of at most {packed:,} bytes" if len(cheap) < len(image.layers) else ""
    raise ArtifactError(
        f"{image.reference} must hold /{path}. Received: an image without it{where}. "
        "Try: an image that the export stage made."
    )


def unpacked(layer: IO[bytes]) -> IO[bytes]:
    """Return the content of a layer that may be packed by gzip or zstd, whatever its media type."""
    magic = layer.read(4)
    layer.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=layer))
    if _ZSTD.fullmatch(magic):
        return cast("IO[bytes]", zstd.ZstdFile(layer))
    return layer


def entries(packed: IO[bytes], most: int) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield the entries of a layer of `most` bytes, each with the archive that reads it."""
    file = _Bounded(unpacked(packed), most)
    with tarfile.open(fileobj=cast("IO[bytes]", file), mode="r:") as archive:  # not packed twice
        while entry := archive.next():
            # Or they would all be kept, one for each 512 bytes of an unpacked layer.
            archive.members.clear()  # type: ignore[attr-defined]
            file.left += entry.size
            yield archive, entry
            file.left = _HEADERS


class _Bounded:
    """A tar as tarfile reads it, which does not believe what the headers say of sizes."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most, self.left = file, most, _HEADERS
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        self.left -= size
        if self.left < 0:
            raise too_large(_HEADERS, "The header of a file in a layer")
        self._check(self.tell() + size)
        return self._file.read(size)

    def seek(self, place: int) -> int:
        self._check(place)
        if place < self.tell() - 1:  # a file of less than no bytes would be read for ever
            raise tarfile.ReadError("a file ends before it begins")
        return self._file.seek(place)

    def _check(self, end: int) -> None:
        if end > self._most:
            raise too_large(self._most, "A layer, unpacked,")
