"""serving/image.json: which image the pipeline made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from issuesum.errors import ArtifactError
from issuesum.files import write_json

RECEIPT = Path("serving/image.json")


@dataclass(frozen=True)
class Receipt:
    """An image that a registry holds.

    Attributes:
        image: registry/name:tag.
        digest: sha256:…, what the tag named when it was pushed.
        git: Git part of the tag.
        dvc: DVC part of the tag.
    """

    image: str
    digest: str
    git: str
    dvc: str

    @property
    def pinned(self) -> str:
        """registry/name@sha256:…, which can never name another image."""
        return f"{self.image.rsplit(':', 1)[0]}@{self.digest}"

    def save(self, path: Path = RECEIPT) -> None:
        """Write the receipt."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path = RECEIPT) -> Receipt:
        """Read a receipt.

        Raises:
            ArtifactError: there is none, or it is broken.
        """
        try:
            found = cls(**json.loads(path.read_text(encoding="utf-8")))
            if not all(isinstance(value, str) for value in asdict(found).values()):
                raise TypeError("a value that is no text")
        except (OSError, ValueError, TypeError) as error:
            raise ArtifactError(
                f"{path} must name the exported image. Received: {type(error).__name__}. "
                "Try: dvc repro."
            ) from error
        return found
