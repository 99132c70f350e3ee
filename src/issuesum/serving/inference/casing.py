"""How a body writes its words: which capitals belong to a word and which to a sentence's start."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from issuesum.text.tokens import Token

_HEAD = 100
"""Words from which an author's habits are told."""
_LONG = 8
"""Characters between words above which no phrase goes on."""
_STOP = re.compile(r"[.!?:;\u2026|#*>\u2022\u2013\u2014-][^\w\s]*\s|(?<!-)[>}|]\Z")
_ORDINARY = re.compile(r"[^\W\d_](?:[^\W\d_]|['\u2019-])*")


class Casing:
    """The forms of the words of one body.

    Attributes:
        places: for each word the tokens that hold it, by their numbers.
        capitals: whether sentences begin with capitals.
        shouting: whether most words are all capitals, so that capitals say nothing.
    """

    def __init__(self, body: str, tokens: Sequence[Token]) -> None:
        """Look at a body.

        Args:
            body: the raw text.
            tokens: its first words.
        """
        self._body, self._tokens = body, tokens
        self.places: defaultdict[str, list[int]] = defaultdict(list)
        for number, token in enumerate(tokens):
            self.places[token.word].append(number)
        forms = [self.written(number) for number in range(min(_HEAD, len(tokens)))]
        cased = [form for form in forms if len(form) > 1 and form.lower() != form.upper()]
        self.shouting = 2 * sum(map(str.isupper, cased)) > len(cased)
        begin = [form for number, form in enumerate(forms) if self._begins(number)]
        plain = [form for form in begin if ordinary(form)]
        # Markup and code begin with small letters whatever the author does.
        self.capitals = 3 * sum(form[0].isupper() for form in plain) > len(plain)

    def written(self, number: int) -> str:
        """Return a token as its author wrote it."""
        _, start, end = self._tokens[number]
        return self._body[start:end]

    def form(self, word: str) -> str:
        """Return a word as the body writes it within a sentence, or as it is."""
        numbers = self.places.get(word, [])
        within = [self.written(number) for number in numbers if not self._begins(number)]
        # Where a word only begins sentences, its capital is theirs.
        forms = within or [form for form in map(self.written, numbers) if not ordinary(form)]
        if not forms:
            return word
        form = Counter(forms).most_common(1)[0][0]  # of equally common ones the first
        return word if self.shouting and ordinary(form) and form.isupper() else form

    def _begins(self, number: int) -> bool:
        """Tell whether a token may have its capital from its place."""
        if number == 0:
            return True
        gap = self._body[self._tokens[number - 1].end : self._tokens[number].start]
        return "\n" in gap or len(gap) > _LONG or bool(_STOP.search(gap))


def ordinary(form: str) -> bool:
    """Tell whether a word is letters alone that are one case, but for the first.

    Others, such as `NullPointerException`, `v2` or `README.md`, are names of things.
    """
    return bool(_ORDINARY.fullmatch(form)) and (form[1:] == form[1:].lower() or form.isupper())
