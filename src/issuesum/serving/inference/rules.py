"""Settings of the search for titles, and which words a title must not have."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from issuesum.errors import ArtifactError
from issuesum.serving.inference.graphs import Floats
from issuesum.text.tokens import END, START, UNSPEAKABLE
from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids, Vocabulary

DECODING = "decoding.json"
CUT_OFF = -100.0
"""What counts as the log-probability of an end mark behind `max_words` words. It is the limit's
choice and not the model's, and so improbable that a title of that length loses to any other."""
_FORMAT = 2


@dataclass(frozen=True)
class Decoding:
    """Settings of the search, in the bundle so that evaluate and the image do the same.

    Attributes:
        beam_width: hypotheses of a title that are followed at once; 1 is greedy.
        length_penalty: a hypothesis is judged by its log-probability over its length to this power:
            0 favours short titles, 1 judges the mean word.
        min_words: words of a title at least.
        max_words: words of a title at most; one that long is the last choice, see CUT_OFF.
        no_repeat: this many words in a row stand in a title at most once, and no word stands twice
            in a row; 0 allows both.
    """

    beam_width: int
    length_penalty: float
    min_words: int
    max_words: int
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


@dataclass(frozen=True)
class TitleRules:
    """Rules for a batch of rows, one a body; each row may have several hypotheses.

    Attributes:
        start: id that stands before the first word.
        forbidden: ids that are never taken.
        size: ids that all rows share; those from here on are a row's out-of-vocabulary words.
        masked: float32 (rows, out-of-vocabulary ids), -inf for ids that the row does not have or
            must not take, else 0; as many as there can be, whether or not the model scores them.
    """

    start: int
    end: int
    forbidden: tuple[int, ...]
    size: int
    masked: Floats
    settings: Decoding

    @classmethod
    def of(cls, title: Vocabulary, masked: Floats, settings: Decoding) -> TitleRules:
        """Return the rules of a title vocabulary, which holds both marks."""
        ids = title.ids
        unspeakable = [ids[word] for word in sorted(UNSPEAKABLE - {END}) if word in ids]
        return cls(
            start=ids[START],
            end=ids[END],
            forbidden=(PADDING, UNKNOWN, *unspeakable),
            size=title.size,
            masked=masked,
            settings=settings,
        )

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.masked)

    @property
    def steps(self) -> int:
        """Ids of a title at most, `end` included."""
        return self.settings.max_words + 1

    def take(self, rows: npt.NDArray[np.bool_]) -> TitleRules:
        """Return the rules of the rows where the mask holds."""
        return replace(self, masked=self.masked[rows])

    def enforce(self, log_probs: Floats, history: Ids) -> None:
        """Make every word that must not come next impossible, in place.

        Args:
            log_probs: float32 (rows x hypotheses, outputs).
            history: int32 (rows x hypotheses, words), ids of each hypothesis so far.
        """
        count, outputs = log_probs.shape
        words = history.shape[1]
        log_probs[:, self.forbidden] = -np.inf
        oov = log_probs.reshape(self.rows, -1, outputs)[:, :, self.size :]
        oov += self.masked[:, None, : outputs - self.size]
        if words < self.settings.min_words:
            log_probs[:, self.end] = -np.inf
        elif words == self.settings.max_words:
            log_probs[:] = -np.inf
            log_probs[:, self.end] = CUT_OFF
        repeat = self.settings.no_repeat
        if repeat and words:
            log_probs[np.arange(count), history[:, -1]] = -np.inf
        if 0 < repeat <= words:
            # What followed the last words where they stood before must not follow them again.
            places = words - repeat + 1
            same = np.ones((count, places), bool)
            for word in range(repeat - 1):
                same &= history[:, word : word + places] == history[:, places + word, None]
            which, place = np.nonzero(same)
            log_probs[which, history[which, place + repeat - 1]] = -np.inf
