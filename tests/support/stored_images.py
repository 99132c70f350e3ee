"""Images as a registry serves them, made of files in memory; for `registry_stub.serve`."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from issuesum.registry.client import INDEX, MANIFEST
from registry_stub import Answer, Asked


def tar(files: dict[str, bytes]) -> bytes:
    """Return a tar of files, whatever their paths."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def model_files(folder: Path) -> dict[str, bytes]:
    """Return a model folder as the image has it."""
    return {f"app/model/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}


class StoredImages:
    """What the registry holds, by the path under which it is asked for."""

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}
        self._referrers: dict[str, list[dict[str, Any]]] = {}

    def __call__(self, asked: Asked) -> Answer:
        path = asked.path.removeprefix("/v2/")
        if "/referrers/" in path:
            found = self._referrers.get(path.rpartition("/")[2], [])
            return Answer(200, json.dumps({"mediaType": INDEX, "manifests": found}).encode())
        return Answer(200, self._content[path]) if path in self._content else Answer(404)

    def put(self, name: str, tag: str, *layers: dict[str, bytes]) -> str:
        """Add an image, the lowest layer first, and return its digest."""
        config = self.blob(name, json.dumps({"created": "2026-01-02T03:04:05Z"}).encode())
        packed = [self.blob(name, gzip.compress(tar(files), mtime=0)) for files in layers]
        return self._manifest(name, {"config": config, "layers": packed}, tag)

    def attach(self, name: str, subject: str, media_type: str, content: bytes) -> None:
        """Add an artifact."""
        digest = self._manifest(name, {"layers": [self.blob(name, content)]})
        self._referrers.setdefault(subject, []).append(
            {"mediaType": MANIFEST, "digest": digest, "artifactType": media_type}
        )

    def blob(self, name: str, content: bytes) -> dict[str, Any]:
        """Add a blob and return its descriptor."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._content[f"{name}/blobs/{digest}"] = content
        return {"digest": digest, "size": len(content)}

    def spoil(self, name: str, digest: str) -> None:
        """Have a blob hold what its digest is not of."""
        self._content[f"{name}/blobs/{digest}"] += b"x"

    def _manifest(self, name: str, values: dict[str, Any], *versions: str) -> str:
        content = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, **values}).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        for version in (digest, *versions):
            self._content[f"{name}/manifests/{version}"] = content
        return digest
