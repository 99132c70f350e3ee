"""Titles for bodies, through the same text functions as preprocess."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import batched
from pathlib import Path

from issuesum.errors import ArtifactError
from issuesum.inference.decoding import greedy
from issuesum.inference.graphs import Graphs
from issuesum.text.features import BODY_VOCABULARY, TITLE_VOCABULARY
from issuesum.text.tokens import END, START, UNSPEAKABLE
from issuesum.text.vocabulary import PADDING, UNKNOWN, Vocabulary


class TitleWriter:
    """Writes titles; safe to call from several threads."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        """Load a bundle's `model` folder.

        Args:
            folder: holds the graphs and the vocabularies.
            threads: of one call; 0 takes every core.

        Raises:
            ArtifactError: something is missing, broken or does not fit together.
        """
        self._body = Vocabulary.load(folder / BODY_VOCABULARY)
        self._title = Vocabulary.load(folder / TITLE_VOCABULARY)
        self._graphs = Graphs(folder, threads=threads)
        ids = self._title.ids
        if not {START, END} <= ids.keys():
            raise ArtifactError(
                f"{folder / TITLE_VOCABULARY} must hold {START} and {END}. Received: neither or "
                "one of them. Try: dvc repro -f preprocess."
            )
        self._start, self._end = ids[START], ids[END]
        unspeakable = [ids[word] for word in sorted(UNSPEAKABLE - {END}) if word in ids]
        self._forbidden = [PADDING, UNKNOWN, *unspeakable]

    def titles(self, bodies: Sequence[str]) -> list[str]:
        """Return one title for each body, lower-cased words separated by spaces."""
        if not bodies:
            return []
        rows = greedy(
            self._graphs.step,
            self._graphs.encode(self._body.encode(bodies)),
            batch=len(bodies),
            start=self._start,
            end=self._end,
            # A row of `maxlen` ids begins with `_start_` and is not followed by anything.
            steps=self._title.maxlen - 1,
            forbidden=self._forbidden,
        )
        return [" ".join(self._title.decode(row)) for row in rows]

    def titles_in_batches(self, bodies: Sequence[str], batch_size: int) -> Iterator[list[str]]:
        """Yield the titles of `batch_size` bodies at a time, in order."""
        for batch in batched(bodies, batch_size):
            yield self.titles(batch)
