"""Titles for bodies, through the same text functions as preprocess."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

import numpy as np

from issuesum.errors import ArtifactError
from issuesum.serving.inference.attending import Attention, weigh
from issuesum.serving.inference.beam import beam
from issuesum.serving.inference.decoding import Hypothesis, greedy
from issuesum.serving.inference.graphs import Floats, Graphs, State
from issuesum.serving.inference.rules import Rules
from issuesum.serving.inference.settings import DECODING, Decoding
from issuesum.serving.inference.surface import Surface
from issuesum.serving.inference.title import NO_TITLE, Title, Word
from issuesum.text.features import BODY_VOCABULARY, TITLE_VOCABULARY
from issuesum.text.reading import Reading, read
from issuesum.text.tokens import END, START, UNSPEAKABLE
from issuesum.text.vocabulary import PADDING, UNKNOWN, Vocabulary

_AT_ONCE = 16
"""Bodies that are decoded at once at most: what the decoder knows of them stays in the cache."""
SIGHT_CHARACTERS = 65_536
"""Characters of a body that are looked at; GitHub takes no longer ones. A bound, so that a body
without words takes no time either."""


@dataclass
class Seen:
    """What a writer has read.

    Attributes:
        words: that it read.
        unknown: those of them that its body vocabulary does not hold.
    """

    words: int = 0
    unknown: int = 0

    def add(self, reading: Reading) -> None:
        """Count the words of a batch."""
        self.words += int(np.count_nonzero(reading.body != PADDING))
        self.unknown += int(np.count_nonzero(reading.body == UNKNOWN))


class TitleWriter:
    """Writes titles; safe to call from several threads."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        """Load a bundle's `model` folder.

        Args:
            folder: holds the graphs, the vocabularies and the settings of the search.
            threads: of one call; 0 takes every core.

        Raises:
            ArtifactError: something is missing, broken or does not fit together.
        """
        self._body = Vocabulary.load(folder / BODY_VOCABULARY)
        self._title = Vocabulary.load(folder / TITLE_VOCABULARY)
        self._settings = Decoding.load(folder / DECODING)
        self._graphs = Graphs(folder, threads=threads)
        if not {START, END} <= self._title.ids.keys():
            raise ArtifactError(
                f"{folder / TITLE_VOCABULARY} must hold {START} and {END}. Received: neither or "
                "one of them. Try: dvc repro -f preprocess."
            )

    def titles(self, bodies: Sequence[str]) -> list[str]:
        """Return one title for each body."""
        return [best.text for best, *_ in self.write(bodies)]

    def titles_in_batches(self, bodies: Sequence[str], batch_size: int) -> Iterator[list[Title]]:
        """Yield the titles of `batch_size` bodies at a time, in order."""
        for batch in batched(bodies, batch_size):
            yield [best for best, *_ in self.write(batch)]

    def write(
        self, bodies: Sequence[str], *, alternatives: int = 1, seen: Seen | None = None
    ) -> list[list[Title]]:
        """Return titles for each body, in the order of the bodies.

        A title does not depend on the other bodies, nor on how many alternatives are wanted.

        Args:
            bodies: any texts; what stands behind SIGHT_CHARACTERS is not looked at.
            alternatives: titles wanted for each; there are no more than the beam is wide.
            seen: is told what was read.

        Returns:
            For each body up to `alternatives` titles, at least one, the best first.
        """
        return [
            titles
            for batch in batched(map(_in_sight, bodies), _AT_ONCE)
            for titles in self._write(batch, alternatives, seen)
        ]

    def _write(
        self, bodies: Sequence[str], alternatives: int, seen: Seen | None
    ) -> Iterator[list[Title]]:
        reading = read(bodies, self._body, self._title)
        if seen is not None:
            seen.add(reading)
        for row, hypotheses in enumerate(
            self._search(reading, self._encode(reading), alternatives)
        ):
            yield self._titles(bodies[row], reading, row, hypotheses) or [NO_TITLE]

    def attend(self, body: str) -> Attention | None:
        """Return where the model looks for the best title, or None if it has no attention."""
        reading = read([_in_sight(body)], self._body, self._title)
        state = self._encode(reading)
        (found,) = self._search(reading, state, 1)
        known = [token.word for token in reading.tokens[0][: self._body.maxlen]]
        if not (self._graphs.has_attention and found and known):
            return None
        return Attention(
            title=tuple(self._title.decode(found[0].ids, reading.own[0])),
            body=tuple(known),
            weights=weigh(
                self._graphs, state, found[0].ids, start=self._title.ids[START], places=len(known)
            ),
        )

    def _encode(self, reading: Reading) -> State:
        return self._graphs.encode(reading.body, reading.body_extended)

    def _search(self, reading: Reading, state: State, keep: int) -> list[list[Hypothesis]]:
        strategy = greedy if self._settings.beam_width == 1 else beam
        keep = min(keep, self._settings.beam_width)
        return strategy(self._graphs, state, self._rules(reading), keep=keep)

    def _rules(self, reading: Reading) -> Rules:
        return Rules.of(self._title, _barred(reading.own, self._body.maxlen), self._settings)

    def _titles(
        self, body: str, reading: Reading, row: int, hypotheses: Sequence[Hypothesis]
    ) -> list[Title]:
        tokens = reading.tokens[row]
        surface = Surface(body, tokens)
        known = {token.word for token in tokens[: self._body.maxlen]}
        titles = []
        for ids, score in hypotheses:
            words = self._title.decode(ids, reading.own[row])
            text, spans = surface.write(words)
            parts = zip(words, spans, strict=True)
            titles.append(Title(text, score, tuple(Word(w, w in known, span) for w, span in parts)))
        return titles


def _in_sight(body: str) -> str:
    return body[:SIGHT_CHARACTERS]


def _barred(own: Sequence[Sequence[str]], places: int) -> Floats:
    """Return -inf where a row has no own word of that number, or one that no reader should see."""
    barred = np.full((len(own), places), -np.inf, np.float32)
    for line, words in zip(barred, own, strict=True):
        line[: len(words)] = [-np.inf if word in UNSPEAKABLE else 0 for word in words]
    return barred
