"""Make a CSV of issues of any length from a real one.

The rows of the source come again and again, some words exchanged for others of the source. No two
are equal, and new words keep coming at its rate (Heaps' law), so neither the removal of repeats nor
the counting of words gets easier than on real rows. A longer file begins with the shorter one.
"""

import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from random import Random

from common import usable
from issuesum.errors import DataError
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import write_issues

_SOURCE_ROWS = 50_000  # at most, so that memory does not grow with the source either
_PIECES_PER_CHANGE = 10
_MOST_ROWS = 10**12
_DIGITS = 1_000  # frequent words that stand for digits where words spell a row's number
_WORD = re.compile(r"\S+://\S+|(\w+(?:[.'-]\w+)*)")


def write_rows(source: Path, target: Path, rows: int, seed: int = 0) -> None:
    """Write `rows` issues made from those of `source`; up to 10**12 are certain to differ.

    Raises:
        DataError: `source` cannot be read, or holds too few words.
    """
    issues = list(islice(usable(source), _SOURCE_ROWS))
    random = Random(seed)  # noqa: S311 -- made-up text, not a secret
    titles = _Texts([issue.title for issue in issues], random, source)
    bodies = _Texts([issue.body for issue in issues], random, source)
    made = (
        Issue(
            f"{issues[number % len(issues)].url}#{number + 1}",
            titles.perturbed(number),
            f"{bodies.perturbed(number)} {bodies.spelled(number)}",
        )
        for number in range(rows)
    )
    write_issues(target, made)


class _Texts:
    """The titles or the bodies of the source, and texts like them."""

    def __init__(self, texts: Sequence[str], random: Random, source: Path) -> None:
        self._texts = texts
        self._random = random.random
        # Interned, the 1.8 million words of 35,503 bodies take 19 MB instead of 94.
        self._words = [
            sys.intern(piece) for text in texts for piece in text.split(" ") if piece.isalpha()
        ]
        frequent = Counter(word.lower() for word in self._words).most_common(_DIGITS)
        if len(frequent) < 2:  # noqa: PLR2004 -- digits need a base
            raise DataError(
                f"{source} must hold at least two different words in its titles and in its bodies. "
                f"Received: {len(frequent)}. Try: a larger file of real issues."
            )
        self._digits = [word for word, _ in frequent]
        self._length = math.ceil(math.log(_MOST_ROWS, len(frequent)))
        # Halves of every other row, because a file may hold one project after the other.
        self._vocabulary = _vocabulary(texts)
        halves = _vocabulary(texts[::2]) + _vocabulary(texts[1::2])
        self._exponent = math.log2(2 * self._vocabulary / halves)
        self._identifiers = 0

    def perturbed(self, number: int) -> str:
        """Return the text of the row with this number; rows are asked for in order, from 0."""
        pieces = self._texts[number % len(self._texts)].split(" ")
        for _ in range(1 + len(pieces) // _PIECES_PER_CHANGE):
            place = self._below(len(pieces))
            if pieces[place].isalpha():
                pieces[place] = self._words[self._below(len(self._words))]
        while self._identifiers < self._due(number):
            # An earlier one too, or every identifier would occur once; of real words, half do.
            for index in (self._identifiers, self._below(self._identifiers + 1)):
                pieces.insert(self._below(len(pieces) + 1), _identifier(index))
            self._identifiers += 1
        return " ".join(pieces)

    def spelled(self, number: int) -> str:
        """Return `number` in always as many words, so that texts that end in them differ."""
        words = []
        for _ in range(self._length):
            number, digit = divmod(number, len(self._digits))
            words.append(self._digits[digit])
        return " ".join(words)

    def _due(self, number: int) -> float:
        """Return how many new words there must have been up to a row; none in the first round.

        Heaps' law: words grow as a power of rows, on 35,503 real bodies that of 0.69 to 0.72.
        """
        rounds = (number + 1) / len(self._texts)
        return self._vocabulary * (rounds**self._exponent - 1) if rounds > 1 else 0

    def _below(self, end: int) -> int:
        # Faster than `Random.randrange`, and `Random.random` alone promises the same numbers in any
        # version of Python.
        return int(self._random() * end)


def _vocabulary(texts: Iterable[str]) -> int:
    # Whatever counts words takes addresses for one, so here they all are the empty word.
    return len({word for text in texts for word in _WORD.findall(text.lower())})


def _identifier(index: int) -> str:
    """Return seven hexadecimal digits, as of a commit; different for every index below 2**28."""
    return f"{(index * 0x9E3779B1 + 0x5BD1E995) % 2**28:07x}"  # odd factor: one to one
