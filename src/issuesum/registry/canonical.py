"""Images in canonical form: what they hold decides every byte of them, and so their digest.

Entries of a layer are sorted and have no times, and layers are packed in one way. Manifest and
config have the media types of Docker (image manifest version 2, schema 2): OCI's has no health
check.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from tqdm import tqdm

from issuesum.registry.client import Registry, digest_of, refusal
from issuesum.registry.reference import Reference

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
EPOCH = "1970-01-01T00:00:00Z"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_PLATFORM = ("architecture", "os", "variant")
# The rest of an engine's config depends on who built, when and where.
_SETTINGS = (
    "Cmd", "Entrypoint", "Env", "ExposedPorts", "Healthcheck", "Labels", "Shell", "StopSignal",
    "User", "Volumes", "WorkingDir",
)  # fmt: skip
_LEVEL = 5  # of gzip; 6 takes half as long again for one percent


@dataclass(frozen=True)
class Layer:
    """A layer, packed."""

    digest: str  # sha256:…, packed
    size: int  # bytes, packed
    diff_id: str  # sha256:…, unpacked
    made_by: str  # what it comes from, for `docker history`
    path: Path | None = field(default=None, compare=False)  # packed; None if in a registry alone


@dataclass(frozen=True)
class CanonicalImage:
    """An image."""

    platform: Mapping[str, str]  # `architecture`, `os` and maybe `variant`
    settings: Mapping[str, Any]  # what its containers begin with: Env, Entrypoint, Labels, …
    layers: tuple[Layer, ...]  # the lowest first
    created: str = EPOCH  # RFC 3339

    @classmethod
    def of(cls, config: Mapping[str, Any], layers: Iterable[Layer]) -> CanonicalImage:
        """Take what is not by chance from the config of another image."""
        settings = config.get("config") or {}
        return cls(
            {name: config[name] for name in _PLATFORM if config.get(name)},
            {name: settings[name] for name in _SETTINGS if settings.get(name)},
            tuple(layers),
        )

    @property
    def config(self) -> bytes:
        """The JSON of the config."""
        history = [{"created": self.created, "created_by": of.made_by} for of in self.layers]
        return _json({
            **self.platform, "config": self.settings, "created": self.created, "history": history,
            "rootfs": {"diff_ids": [layer.diff_id for layer in self.layers], "type": "layers"},
        })  # fmt: skip

    @property
    def manifest(self) -> bytes:
        """The JSON of the manifest."""
        config = {"mediaType": _CONFIG, "digest": digest_of(self.config), "size": len(self.config)}
        layers = [{"mediaType": _LAYER, "digest": of.digest, "size": of.size} for of in self.layers]
        found = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        return _json(found)

    @property
    def digest(self) -> str:
        """sha256:… of the manifest."""
        return digest_of(self.manifest)


def read_canonical(registry: Registry, image: Reference) -> CanonicalImage:
    """Return an image that was made here, without its layers' files."""
    _, manifest = registry.manifest(image)
    try:
        config = json.loads(registry.blob(image, manifest["config"]["digest"]))
        of_each = (manifest["layers"], config["rootfs"]["diff_ids"], config["history"])
        layers = [
            Layer(item["digest"], item["size"], diff_id, made["created_by"])
            for item, diff_id, made in zip(*of_each, strict=True)
        ]
        return replace(CanonicalImage.of(config, layers), created=config["created"])
    except (KeyError, TypeError, ValueError) as error:
        raise refusal(str(image), f"no image that issuesum made ({error})") from error


def push(registry: Registry, image: Reference, made: CanonicalImage) -> None:
    """Push an image under the digest, or else the tag, of `image`; what is there is not sent."""
    for layer in made.layers:
        if layer.path and not registry.holds(image, layer.digest):
            with (
                layer.path.open("rb") as file,
                tqdm.wrapattr(file, "read", layer.size, desc="push", disable=None) as shown,
            ):
                registry.upload(image, cast("IO[bytes]", shown), layer.digest)
    registry.put_blob(image, made.config, _CONFIG)
    registry.put_manifest(image, made.manifest, MANIFEST)


def pack(plain: IO[bytes], target: Path, made_by: str) -> Layer:
    """Make a layer at `target` of a tar."""
    found = hashlib.sha256()
    with target.open("wb") as file, gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
        while chunk := plain.read(2**20):
            found.update(chunk)
            packed.write(chunk)
    with target.open("rb") as made:
        digest = hashlib.file_digest(made, "sha256").hexdigest()
    diff_id = f"sha256:{found.hexdigest()}"
    return Layer(f"sha256:{digest}", target.stat().st_size, diff_id, made_by, target)


def layer_of_files(files: Mapping[str, Path | bytes], target: Path, made_by: str) -> Layer:
    """Make a layer of files by their paths in the image, without a leading slash.

    All are root's, and readable by everyone; none is executable, since DVC does not keep that.
    """
    folders = {str(each) for name in files for each in PurePosixPath(name).parents} - {"."}

    def entries() -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
        for name in sorted({*files, *folders}):
            entry = tarfile.TarInfo(name)
            if name in folders:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                yield entry, None
            else:
                source = files[name]
                content = source if isinstance(source, bytes) else source.read_bytes()
                entry.size, entry.mode = len(content), 0o644
                yield entry, io.BytesIO(content)

    return pack_entries(entries(), target, made_by)


def pack_entries(
    entries: Iterable[tuple[tarfile.TarInfo, IO[bytes] | None]], target: Path, made_by: str
) -> Layer:
    """Make a layer of entries, whose order and times are the caller's, and their contents."""
    with tempfile.TemporaryFile(dir=target.parent) as plain:
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for entry, content in entries:
                tar.addfile(entry, content)
        plain.seek(0)
        return pack(plain, target, made_by)


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
