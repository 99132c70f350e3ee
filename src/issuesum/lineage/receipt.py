"""serving/image.json: which image the pipeline made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from issuesum.errors import reading_artifact
from issuesum.files import write_json
from issuesum.layout import RECEIPT


@dataclass(frozen=True)
class Receipt:
    """An image that a registry holds."""

    image: str  # registry/name:tag
    digest: str  # sha256:…, what the tag named when it was pushed
    git: str  # part of the tag
    dvc: str  # part of the tag

    @property
    def pinned(self) -> str:
        """registry/name@sha256:…, which can never name another image."""
        return f"{self.image.rsplit(':', 1)[0]}@{self.digest}"

    def is_of(self, bundle: str | None) -> bool:
        """Return whether the image was made of a bundle, by DVC's hash of it."""
        return bundle is not None and bundle.startswith(self.dvc)

    def save(self, path: Path = RECEIPT) -> None:
        """Write the receipt."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path = RECEIPT) -> Receipt:
        """Read a receipt; an ArtifactError if there is none, or it is broken."""
        must, advice = f"{path} must name the exported image", "dvc repro, next to dvc.yaml"
        with reading_artifact(must, advice):
            return cls.parse(path.read_bytes(), must, advice=advice)

    @classmethod
    def parse(cls, content: bytes, must: str, *, advice: str) -> Receipt:
        """Read the content of a receipt; the ArtifactError for a broken one says `must`."""
        with reading_artifact(must, advice):
            return TypeAdapter(cls).validate_json(content)
