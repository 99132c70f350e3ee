"""What a writer of titles returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Word:
    """A word of a title.

    Attributes:
        word: lower-cased, as `tokens.words` gives it for the title's text.
        copied: whether it is one of the words of the body that the model read.
        span: where it stands in the raw body, `body[start:end]`; None if it does not. The body may
            hold it behind what the model read.
    """

    word: str
    copied: bool
    span: tuple[int, int] | None


@dataclass(frozen=True)
class Title:
    """A title and how sure the model is of it.

    Attributes:
        text: as people write it.
        score: log-probability of its words, normalised by their number; higher is better.
        words: of the text, in order.
    """

    text: str
    score: float
    words: tuple[Word, ...]


NO_TITLE = Title("", float("-inf"), ())
"""What a body gets if its vocabulary is so small that the rules leave no word."""


@dataclass(frozen=True)
class Attention:
    """Where a model looked while it wrote a title.

    Attributes:
        title: words written, without the end mark.
        body: words read.
        weights: float32 (title words, body words), each row sums to 1: the probability of each
            place of the body if the word is copied.
    """

    title: tuple[str, ...]
    body: tuple[str, ...]
    weights: npt.NDArray[np.float32]
