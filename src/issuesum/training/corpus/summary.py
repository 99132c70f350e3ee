"""What the split stage says of the rows, as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from issuesum.errors import ArtifactError, one_line
from issuesum.files import write_json


@dataclass(frozen=True)
class SplitSummary:
    """What became of the rows: `rows == sum(rejected.values()) + repeated + sum(sides)`.

    Attributes:
        rows: data rows of the file.
        rejected: rows that cannot be used, by reason, the most frequent first.
        repeated: usable rows whose title and body an earlier row has as well.
        train: rows on the train side.
        validation: rows on the validation side.
        test: rows on the test side.
    """

    rows: int
    rejected: Mapping[str, int]
    repeated: int
    train: int
    validation: int
    test: int

    def save(self, path: Path) -> None:
        """Write the summary as JSON, which DVC reads as metrics."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> SplitSummary:
        """Read a summary that `save` wrote.

        Raises:
            ArtifactError: the file is missing or is no summary.
        """
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            reason = one_line(error)
            raise ArtifactError(
                f"{path} must be the split stage's summary. Received: {reason}. "
                "Try: dvc repro -f split."
            ) from error
