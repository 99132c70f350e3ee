"""What a title must not say, whatever a model thinks of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from issuesum.serving.inference.graphs import Floats
from issuesum.serving.inference.settings import Decoding
from issuesum.text.tokens import END, START, UNSPEAKABLE
from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids, Vocabulary


@dataclass(frozen=True)
class Rules:
    """Rules for a batch of rows, one a body; each row may have several hypotheses.

    Attributes:
        start: id that stands before the first word.
        end: id that ends a title.
        steps: ids of a title at most, `end` included.
        forbidden: ids that are never taken.
        size: ids that all rows share; those from here on are a row's own.
        barred: float32 (rows, own ids), -inf for ids that the row does not have or must not take,
            else 0; as many as there can be, whether or not the model scores them.
        settings: of the search.
    """

    start: int
    end: int
    steps: int
    forbidden: tuple[int, ...]
    size: int
    barred: Floats
    settings: Decoding

    @classmethod
    def of(cls, title: Vocabulary, barred: Floats, settings: Decoding) -> Rules:
        """Return the rules of a title vocabulary, which holds both marks."""
        ids = title.ids
        unspeakable = [ids[word] for word in sorted(UNSPEAKABLE - {END}) if word in ids]
        return cls(
            start=ids[START],
            end=ids[END],
            # A row of `maxlen` ids begins with `_start_` and is not followed by anything.
            steps=title.maxlen - 1,
            forbidden=(PADDING, UNKNOWN, *unspeakable),
            size=title.size,
            barred=barred,
            settings=settings,
        )

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.barred)

    def take(self, rows: npt.NDArray[np.bool_]) -> Rules:
        """Return the rules of the rows where the mask holds."""
        return replace(self, barred=self.barred[rows])

    def enforce(self, log_probs: Floats, history: Ids) -> None:
        """Make every word that must not come next impossible, in place.

        Args:
            log_probs: float32 (rows x hypotheses, outputs).
            history: int32 (rows x hypotheses, words), what each hypothesis says so far.
        """
        count, outputs = log_probs.shape
        words = history.shape[1]
        log_probs[:, self.forbidden] = -np.inf
        own = log_probs.reshape(self.rows, -1, outputs)[:, :, self.size :]
        own += self.barred[:, None, : outputs - self.size]
        if words < self.settings.min_words:
            log_probs[:, self.end] = -np.inf
        repeat = self.settings.no_repeat
        if repeat and words:
            log_probs[np.arange(count), history[:, -1]] = -np.inf
        if 0 < repeat <= words:
            # What followed the last words where they stood before must not follow them again.
            last = history[:, None, words - repeat + 1 :]
            earlier = sliding_window_view(history[:, :-1], repeat - 1, axis=1)
            which, place = np.nonzero((earlier == last).all(axis=2))
            log_probs[which, history[which, place + repeat - 1]] = -np.inf
