"""Decoded words, which are lower-cased, as people write them.

A word that the body holds is written as the body writes it, and words that follow each other there
keep what stands between them. `tokens.words` of the text gives the decoded words again, so a title
scores the same with capitals as without.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, takewhile

from issuesum.serving.inference.between import balanced, before, behind, between
from issuesum.serving.inference.casing import Casing, ordinary
from issuesum.text.tokens import Token, words

Span = tuple[int, int]


class Surface:
    """Writes titles of one body."""

    def __init__(self, body: str, tokens: Sequence[Token]) -> None:
        """Look at a body.

        Args:
            body: the raw text.
            tokens: its first words.
        """
        self._body, self._tokens = body, tokens
        self._casing = Casing(body, tokens)

    def write(self, title: Sequence[str]) -> tuple[str, list[Span | None]]:
        """Write the words of a title.

        Args:
            title: words as `tokens.words` gives them.

        Returns:
            The text, and for each word its place in the body, or None if the body does not hold it.
        """
        texts: list[str] = []
        spans: list[Span | None] = []
        while len(spans) < len(title):
            rest = title[len(spans) :]
            number, length = self._longest(rest)
            texts.append(self._phrase(rest[:length], number, first=not texts))
            if number is None:
                spans.append(None)
            else:
                spans += [(t.start, t.end) for t in self._tokens[number : number + length]]
        return " ".join(texts), spans

    def _longest(self, rest: Sequence[str]) -> tuple[int | None, int]:
        """Return where most of the next words stand in a row, and how many; else None and 1."""
        best: tuple[int | None, int] = (None, 0)
        for number in self._casing.places.get(rest[0], ()):
            following = self._tokens[number : number + len(rest)]
            pairs = zip(rest, following, strict=False)
            length = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1].word, pairs))
            if length > best[1]:
                best = (number, length)
        return best if best[1] else (None, 1)

    def _phrase(self, phrase: Sequence[str], number: int | None, *, first: bool) -> str:
        """Write words that stand in a row from token `number` on, or one that stands nowhere."""
        forms = [self._casing.form(word) for word in phrase]
        signs = [""] * (len(phrase) + 1)
        if number is not None and len(phrase) > 1:
            signs = self._signs(number, len(phrase))
            for place, sign in enumerate(signs[1:-1]):
                if not any(map(str.isspace, sign)):  # the two are one name
                    forms[place : place + 2] = map(
                        self._casing.written, (number + place, number + place + 1)
                    )
        if first and self._casing.capitals and not signs[0] and signs[1][:1] in ("", " "):
            forms[0] = _capitalised(forms[0], phrase[0])
        rest = zip(forms, signs[1:], strict=True)
        text = signs[0] + "".join(form + sign for form, sign in rest)
        for candidate in (text, " ".join(forms)):
            if words(candidate) == list(phrase):
                return candidate
        return " ".join(phrase)

    def _signs(self, number: int, length: int) -> list[str]:
        """Return what is to stand before, between and behind `length` tokens from `number` on."""
        body, held = self._body, self._tokens[number : number + length]
        gaps = [between(body[left.end : right.start]) for left, right in pairwise(held)]
        start, end = held[0].start, held[-1].end
        return balanced(
            [before(body[max(0, start - 2) : start]), *gaps, behind(body[end : end + 3])]
        )


def _capitalised(form: str, word: str) -> str:
    """Return an ordinary word with a capital, unless it would be another word then."""
    capitalised = form[:1].upper() + form[1:]
    return capitalised if ordinary(form) and words(capitalised) == [word] else form
