"""How titles are searched for: in the bundle, so that evaluate and the image do the same."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from issuesum.errors import ArtifactError

DECODING = "decoding.json"
_FORMAT = 1


@dataclass(frozen=True)
class Decoding:
    """Settings of the search.

    Attributes:
        beam_width: hypotheses of a title that are followed at once; 1 is greedy.
        length_penalty: a hypothesis is judged by its log-probability over its length to this power:
            0 favours short titles, 1 judges the mean word.
        min_words: words of a title at least.
        no_repeat: this many words in a row stand in a title at most once, and no word stands twice
            in a row; 0 allows both.
    """

    beam_width: int
    length_penalty: float
    min_words: int
    no_repeat: int

    def save(self, path: Path) -> None:
        """Write the settings as JSON; equal settings give equal bytes."""
        content = {"format": _FORMAT, **asdict(self)}
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Decoding:
        """Read settings that `save` wrote.

        Raises:
            ArtifactError: the file is missing or holds something else.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("format") != _FORMAT:
                raise ValueError("another format")
            return cls(**content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(
                f"{path} must hold settings of format {_FORMAT}. "
                f"Received: {type(error).__name__}: {error}. Try: dvc repro -f build."
            ) from error
