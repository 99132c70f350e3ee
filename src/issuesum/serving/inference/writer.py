"""Titles for bodies, through the same text functions as preprocess.

`python -m issuesum.serving.inference.writer FOLDER` tries a bundle's model in a process of its own,
for servers that fork: a writer's threads do not survive that.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched, chain, repeat
from pathlib import Path

import numpy as np

from issuesum.errors import ArtifactError, IssuesumError, one_line
from issuesum.serving.inference.decoding import Hypothesis, beam
from issuesum.serving.inference.graphs import ATTENTION, Floats, Graphs
from issuesum.serving.inference.rules import DECODING, Decoding, TitleRules
from issuesum.serving.inference.surface import Surface
from issuesum.text.features import BODY_VOCABULARY, TITLE_VOCABULARY
from issuesum.text.reading import Reading, read
from issuesum.text.tokens import END, START, UNSPEAKABLE
from issuesum.text.vocabulary import PADDING, UNKNOWN, Vocabulary

PROBE = "The application does not start after the update and shows an error in the log."
"""A made-up issue, to see whether a model writes titles."""
MAX_CHARACTERS = 65_536
"""Characters of a body that are looked at; GitHub takes no longer ones. A bound, so that a body
without words takes no time either."""
_READ_AT_ONCE = 64  # bodies at most: a bound on memory
_AT_ONCE = 16
"""Of these, those that are decoded at once, all about as long as each other: what the decoder knows
of them stays in the cache."""


@dataclass(frozen=True)
class Word:
    """A word of a title."""

    word: str  # lower-cased, as `tokens.words` gives it for the title's text
    copied: bool  # whether it is one of the words of the body that the model read
    span: tuple[int, int] | None
    """Its place in the raw body, `body[start:end]`, maybe behind what the model read, if any."""


@dataclass(frozen=True)
class Title:
    """A title and how sure the model is of it."""

    text: str  # as people write it
    score: float  # log-probability of its words, normalised by their number; higher is better
    words: tuple[Word, ...]  # of the text, in order


NO_TITLE = Title("", float("-inf"), ())
"""What a body gets if its vocabulary is so small that the rules leave no word."""


@dataclass(frozen=True)
class Attention:
    """Where a model looked while it wrote a title."""

    title: tuple[str, ...]  # words written, without the end mark
    body: tuple[str, ...]  # words read
    weights: Floats
    """(title words, body words), each row sums to 1: the probability of each place of the body if
    the word is copied."""


class TitleWriter:
    """Writes titles; safe to call from several threads."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        """Load a `model` folder; 0 `threads` take every core. ArtifactError: it is broken."""
        self._body = Vocabulary.load(folder / BODY_VOCABULARY)
        self._title = Vocabulary.load(folder / TITLE_VOCABULARY)
        self._settings = Decoding.load(folder / DECODING)
        self.max_words = self._settings.max_words
        self._graphs = Graphs(folder)
        self._threads = ThreadPoolExecutor(threads or os.cpu_count())
        if not {START, END} <= self._title.ids.keys():
            raise ArtifactError(
                f"{folder / TITLE_VOCABULARY} must hold {START} and {END}. Received: neither or "
                "one of them. Try: dvc repro -f preprocess."
            )

    @classmethod
    def tried(cls, folder: Path, *, of: str) -> TitleWriter:
        """Load a `model` folder, and write a title; ArtifactError: this code cannot do that."""
        if not folder.is_dir():
            raise ArtifactError(
                f"{of} must hold a folder {folder.name}. Received: none. "
                "Try: dvc repro build, dvc pull build, another --bundle, or --image."
            )
        try:
            writer = cls(folder)
            writer.titles([PROBE])
        except Exception as error:  # onnxruntime's own errors share no base class
            found = one_line(error).partition(" Try: ")[0].replace(f"{folder}/", "")
            raise ArtifactError(
                f"{of} must hold a model that this code reads. Received: {found} "
                "Try: dvc repro build, or the commit that made it (an image has it in its labels)."
            ) from error
        return writer

    def titles(self, bodies: Sequence[str]) -> list[str]:
        """Return one title for each body."""
        return [best.text for best, *_ in self.write(bodies)]

    def titles_in_batches(self, bodies: Sequence[str], batch_size: int) -> Iterator[list[Title]]:
        """Yield the titles of `batch_size` bodies at a time, in order."""
        for batch in batched(bodies, batch_size):
            yield [best for best, *_ in self.write(batch)]

    def write(
        self, bodies: Sequence[str], *, alternatives: int = 1, counts: Counter[str] | None = None
    ) -> list[list[Title]]:
        """Return up to `alternatives` titles for each body, at least one, the best first.

        There are no more than the beam is wide. A title does not depend on the other bodies, nor on
        how many alternatives are wanted. What stands behind MAX_CHARACTERS of a body is not looked
        at. The `words` that were read, and those `unknown`, are added to `counts`.
        """
        written = []
        for batch in batched((body[:MAX_CHARACTERS] for body in bodies), _READ_AT_ONCE):
            reading = read(batch, self._body, self._title)
            words = np.count_nonzero(reading.body != PADDING, axis=1)
            if counts is not None:
                counts["words"] += int(words.sum())
                counts["unknown"] += np.count_nonzero(reading.body == UNKNOWN)
            parts = list(batched(words.argsort(kind="stable").tolist(), _AT_ONCE))
            # One part alone is decoded here: another thread would only be slower to begin.
            each = map if len(parts) == 1 else self._threads.map
            found = each(self._search, repeat(reading), parts, repeat(alternatives))
            hypotheses = dict(zip(chain(*parts), chain(*found), strict=True))
            for row, body in enumerate(batch):
                written.append(self._titles(body, reading, row, hypotheses[row]) or [NO_TITLE])
        return written

    def attend(self, body: str) -> Attention | None:
        """Return where the model looks for the best title, or None if it has no attention."""
        reading = read([body[:MAX_CHARACTERS]], self._body, self._title)
        (found,) = self._search(reading, [0], 1)
        known = [token.word for token in reading.tokens[0][: self._body.maxlen]]
        if not (self._graphs.has_attention and found and known):
            return None
        state = self._graphs.encode(reading.body, reading.body_extended)
        ids, weights = found[0].ids, []
        for previous in (self._title.ids[START], *ids[:-1]):
            ids_before = np.array([previous], np.int32)
            attention, state = self._graphs.step(ids_before, state, ATTENTION)
            weights.append(attention[0, : len(known)])
        title = self._title.decode(ids, reading.oov[0])
        return Attention(tuple(title), tuple(known), np.stack(weights))

    def _search(self, reading: Reading, rows: Sequence[int], keep: int) -> list[list[Hypothesis]]:
        own = np.zeros((len(rows), self._body.maxlen), bool)
        for line, row in zip(own, rows, strict=True):
            words = reading.oov[row]
            line[: len(words)] = [word not in UNSPEAKABLE for word in words]
        chosen = list(rows)
        state = self._graphs.encode(reading.body[chosen], reading.body_extended[chosen])
        rules = TitleRules.of(self._title, own, self._settings)
        return beam(self._graphs, state, rules, keep=min(keep, self._settings.beam_width))

    def _titles(
        self, body: str, reading: Reading, row: int, hypotheses: Sequence[Hypothesis]
    ) -> list[Title]:
        tokens = reading.tokens[row]
        surface = Surface(body, tokens)
        known = {token.word for token in tokens[: self._body.maxlen]}
        titles = []
        for ids, score in hypotheses:
            words = self._title.decode(ids, reading.oov[row])
            text, spans = surface.write(words)
            parts = zip(words, spans, strict=True)
            titles.append(Title(text, score, tuple(Word(w, w in known, span) for w, span in parts)))
        return titles


if __name__ == "__main__":
    try:
        TitleWriter(Path(sys.argv[1]), threads=1).titles([PROBE])
    except IssuesumError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
