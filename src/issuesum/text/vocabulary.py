"""A vocabulary on ktext's contract, kept as JSON.

Id 0 is padding, 1 is unknown, words have 2 and above by falling frequency. Texts are truncated at
their end; bodies are padded in front, so that a recurrent encoder reads the words last, and titles
behind, enclosed in `_start_` and `_end_`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from issuesum.errors import reading_artifact
from issuesum.text.tokens import END, START

PADDING = 0
UNKNOWN = 1
FIRST_WORD = 2
_FORMAT = 1
_SETTINGS = ("maxlen", "padding", "append_indicators")  # of a file, in its order

Ids = npt.NDArray[np.int32]


def pad(
    rows: Sequence[Sequence[int]], maxlen: int, *, padding: Literal["pre", "post"], value: int
) -> Ids:
    """Return int32 (rows, maxlen): rows cut at their end, or filled with `value`."""
    padded = np.full((len(rows), maxlen), value, np.int32)
    for line, row in zip(padded, rows, strict=True):
        kept = row[:maxlen]
        if padding == "post":
            line[: len(kept)] = kept
        else:
            line[maxlen - len(kept) :] = kept
    return padded


@dataclass(frozen=True)
class Vocabulary:
    """Words and how a text becomes a row of ids."""

    words: tuple[str, ...]  # by falling frequency; `words[0]` has id 2
    maxlen: int  # ids a row
    padding: Literal["pre", "post"]  # where 0 is filled in
    append_indicators: bool  # whether rows are enclosed in `_start_` and `_end_`

    @property
    def size(self) -> int:
        """Number of ids, padding and unknown included."""
        return len(self.words) + FIRST_WORD

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of every word."""
        return {word: index for index, word in enumerate(self.words, start=FIRST_WORD)}

    def encode(self, rows: Iterable[Sequence[str]]) -> Ids:
        """Return the ids of rows of words, int32 (rows, maxlen)."""
        marked = ([START, *row, END] if self.append_indicators else row for row in rows)
        ids = [[self.ids.get(word, UNKNOWN) for word in row[: self.maxlen]] for row in marked]
        return pad(ids, self.maxlen, padding=self.padding, value=PADDING)

    def decode(self, row: Iterable[int], oov: Sequence[str] = ()) -> list[str]:
        """Return the words behind ids; padding and unknown ids give nothing.

        Ids from `size` on are those of the words of `oov` (see `features.encoding`).
        """
        return [
            oov[index - self.size] if index >= self.size else self.words[index - FIRST_WORD]
            for index in row
            if index >= FIRST_WORD
        ]

    def save(self, path: Path) -> None:
        """Write the vocabulary as JSON; equal vocabularies give equal bytes."""
        settings = {name: vars(self)[name] for name in _SETTINGS}
        content = {"format": _FORMAT, **settings, "words": self.words}
        path.write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read what `save` wrote; ArtifactError if the file is no vocabulary of this format."""
        must = f"{path} must be a vocabulary of format {_FORMAT}"
        with reading_artifact(must, "dvc repro -f preprocess"):
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']}")
            settings = {name: content[name] for name in _SETTINGS}
            return cls(tuple(content["words"]), **settings)
