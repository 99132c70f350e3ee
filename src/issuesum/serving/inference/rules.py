"""Settings of the search for titles, and which words a title must not have."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from issuesum.errors import reading_artifact
from issuesum.text.tokens import END, START, UNSPEAKABLE
from issuesum.text.vocabulary import PADDING, UNKNOWN, Vocabulary

DECODING = "decoding.json"
CUT_OFF = -100.0
"""What counts as the log-probability of an end mark behind `max_words` words. It is the limit's
choice and not the model's, and so improbable that a title of that length loses to any other."""
_FORMAT = 2


@dataclass(frozen=True)
class Decoding:
    """Settings of the search, in the bundle so that evaluate and the image do the same."""

    beam_width: int  # hypotheses of a title that are followed at once; 1 is greedy
    length_penalty: float
    """A hypothesis is judged by its log-probability over its length to this power: 0 favours short
    titles, 1 judges the mean word."""
    min_words: int
    max_words: int  # a title that long is the last choice, see CUT_OFF
    no_repeat: int
    """So many words in a row stand in a title at most once, and no word twice in a row; 0: both."""

    def save(self, path: Path) -> None:
        """Write the settings as JSON; equal settings give equal bytes."""
        content = {"format": _FORMAT, **asdict(self)}
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Decoding:
        """Read settings that `save` wrote; ArtifactError if the file holds something else."""
        must = f"{path} must hold settings of format {_FORMAT}"
        with reading_artifact(must, "dvc repro -f build"):
            content = dict(json.loads(path.read_text(encoding="utf-8")))
            if content.pop("format") != _FORMAT:
                raise ValueError("another format")
            return cls(**content)


@dataclass(frozen=True)
class TitleRules:
    """Rules for a batch of rows, one a body; each row may have several hypotheses."""

    start: int  # id that stands before the first word
    end: int
    forbidden: tuple[int, ...]  # ids that are never taken
    size: int  # ids that all rows share; those from here on are a row's out-of-vocabulary words
    own: npt.NDArray[np.bool_]
    """(rows, out-of-vocabulary ids), whether the row has the id and may take it; as many as there
    can be, whether or not the model scores them."""
    settings: Decoding

    @classmethod
    def of(cls, title: Vocabulary, own: npt.NDArray[np.bool_], settings: Decoding) -> TitleRules:
        """Return the rules of a title vocabulary, which holds both marks."""
        ids = title.ids
        unspeakable = [ids[word] for word in sorted(UNSPEAKABLE - {END}) if word in ids]
        forbidden = (PADDING, UNKNOWN, *unspeakable)
        return cls(ids[START], ids[END], forbidden, title.size, own, settings)

    @property
    def steps(self) -> int:
        """Ids of a title at most, `end` included."""
        return self.settings.max_words + 1

    def least(self, score: float, words: int) -> float:
        """Return the log-probability of so many words above which a title can beat a score.

        No log-probability is above 0, so what goes on ends best at full length and at no cost.
        """
        exponent = self.settings.length_penalty
        cut_off: float = score * self.steps**exponent - CUT_OFF
        ended: float = score * self.settings.max_words**exponent
        return cut_off if words == self.settings.max_words else min(cut_off, ended)

    @cached_property
    def never(self) -> list[frozenset[int]]:
        """For each row the ids that are never taken."""
        absent = [np.flatnonzero(~own) + self.size for own in self.own]
        return [frozenset(self.forbidden).union(ids.tolist()) for ids in absent]

    def forbids(self, word: int, ids: tuple[int, ...]) -> bool:
        """Return whether `word` must not follow `ids` of a title, though it may stand elsewhere."""
        size = self.settings.no_repeat
        if word == self.end:
            return len(ids) < self.settings.min_words
        if not size or word not in ids:
            return False
        last = len(ids) - size + 1
        run = (*ids[last:], word)
        return word == ids[-1] or any(ids[at : at + size] == run for at in range(last))
