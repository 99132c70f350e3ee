"""serving/image.json: which image the pipeline made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from issuesum.errors import ArtifactError
from issuesum.files import write_json
from issuesum.layout import RECEIPT


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
            content = path.read_bytes()
        except OSError as error:
            raise ArtifactError(
                f"{path} must name the exported image. Received: {type(error).__name__}. "
                "Try: dvc repro."
            ) from error
        return cls.parse(content, f"{path} must name the exported image", advice="dvc repro")

    @classmethod
    def parse(cls, content: bytes | str, must: str, *, advice: str) -> Receipt:
        """Read the content of a receipt.

        Args:
            content: of the file.
            must: what the error begins with.
            advice: what to try if it is broken.

        Raises:
            ArtifactError: it is broken.
        """
        try:
            return TypeAdapter(cls).validate_json(content)
        except ValidationError as error:
            wrong = error.errors()[0]
            where = ".".join(map(str, wrong["loc"]))
            raise ArtifactError(
                f"{must}. Received: {f'{where}: ' if where else ''}{wrong['msg']}. Try: {advice}."
            ) from error
