"""Ids for words that no vocabulary holds, so that a model can copy them from the body.

A pointer network's output is a distribution over the title vocabulary and the words of the body
(See et al. 2017, "Get To The Point", section 2.2). The n-th distinct word of a row that the title
vocabulary does not hold gets the id `size + n`, which means something in that row alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids

ABSENT = -1
"""Stands for padding in a matrix of word numbers."""


class WordTable(defaultdict[str, int]):
    """Distinct words, numbered from 0 in the order in which they first occur."""

    def __init__(self) -> None:
        """Make an empty table."""
        super().__init__(self.__len__)

    def numbers(self, words: Iterable[str]) -> list[int]:
        """Return the number of each word; a new word gets the next one."""
        return [self[word] for word in words]


def look_up(numbers: Ids, ids: Ids) -> Ids:
    """Return the id of each number (rows, places), with padding where it is ABSENT.

    `ids` (words,) are those of the words of a table.
    """
    return np.append(ids, np.int32(PADDING))[numbers]


def extend(numbers: Ids, ids: Ids, size: int) -> Ids:
    """Return ids in which each row's own unknown words have ids from `size` on.

    Args:
        numbers: int32 (rows, places), numbers of a word table, ABSENT for padding.
        ids: int32 (words,), the id of each word of that table in a vocabulary.
        size: ids of that vocabulary; the first id that an unknown word can get.

    Returns:
        int32 (rows, places): 0 for padding, the vocabulary's id of a word that it holds, and
        `size + n` for the row's n-th distinct word that it does not hold, counted from 0.
    """
    extended = look_up(numbers, ids)
    unknown = extended == UNKNOWN
    rows, _ = np.nonzero(unknown)
    pairs = rows * len(ids) + numbers[unknown]
    distinct, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    by_place = np.argsort(first)  # by row and, within a row, by first occurrence
    row_of = distinct[by_place] // max(1, len(ids))
    rank = np.empty(len(distinct), np.int32)
    rank[by_place] = np.arange(len(distinct)) - np.searchsorted(row_of, row_of)
    extended[unknown] = size + rank[inverse]
    return extended


def extend_pair(body: Ids, title: Ids, ids: Ids, size: int) -> tuple[Ids, Ids]:
    """Return ids as `extend` does, of bodies and of the titles that are to be copied from them.

    A title's unknown word has the id that it has in the body, or stays unknown if the body does
    not hold it.
    """
    both = extend(np.hstack([body, title]), ids, size)
    of_body, of_title = both[:, : body.shape[1]], both[:, body.shape[1] :]
    # Bodies stand first, so every word that only the title has got a higher id than the body's.
    highest = np.maximum(of_body.max(axis=1, initial=0), size - 1)
    return of_body, np.where(of_title > highest[:, None], np.int32(UNKNOWN), of_title)
