"""Decoded words, which are lower-cased, as people write them.

A word that the body holds is written as the body writes it, and words that follow each other there
keep what stands between them. `tokens.words` of the text gives the decoded words again, so a title
scores the same with capitals as without.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise, takewhile

from issuesum.text.tokens import UNSPACED, Token, words

_HEAD = 100  # words that show how an author uses capitals
_LONG = 8  # characters between words above which no phrase goes on
_STOP = re.compile(r"[.!?:;\u2026|#*>\u2022\u2013\u2014-][^\w\s]*\s|(?<!-)[>}|]\Z")
_ORDINARY = re.compile(r"[^\W\d_](?:[^\W\d_]|['\u2019-])*")

_LONGEST_JOINER = 5
# No line break and no end of a sentence, no sign thrice, no lone `#` (a heading; `C# ` is a name).
_JOINER = re.compile(
    r"""(?!.*(.)\1\1) (?!.*\s\#\s)
    [\s\\/,:+=&\#@$%~^<>()\[\]{}"'`\u2018\u2019\u201c\u201d\u2013\u2014-]+
    (?: \.{1,2}/ | (?<=[\s/])\. )?  # before ./x, ../x, .net, ~/.profile
    """,
    re.VERBOSE,
)
_OPENING = re.compile(r"""(?<!\w)[("'`\u201c\u2018]\Z""")
_CLOSING = re.compile(r"""\(\)|[)"'`\u201d\u2019](?!\w)""")
_ARROW = re.compile(r"[-=]>|<[-=]|>=")
_STRAIGHT = "\"'`"
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", "\u201c": "\u201d", "\u2018": "\u2019"} | dict(
    zip(_STRAIGHT, _STRAIGHT, strict=True)
)
_SIGNS = {*_PAIRS, *_PAIRS.values()}
_KATAKANA = "\u30a1-\u30ff"
_NO_SPACE = re.compile(
    f"(?<=[{UNSPACED}]) (?=[{UNSPACED}{_KATAKANA}])|(?<=[{_KATAKANA}]) (?=[{UNSPACED}])"
)
"""A space that is not written in Chinese and Japanese; without it the words are the same."""


class Surface:
    """Writes titles of one body."""

    def __init__(self, body: str, tokens: Sequence[Token]) -> None:
        """Look at a raw body and the first words in it."""
        self._body, self._tokens = body, tokens
        self._casing = _Casing(body, tokens)

    def write(self, title: Sequence[str]) -> tuple[str, list[tuple[int, int] | None]]:
        """Return the text of `tokens.words`, and for each word its place in the body, if any."""
        texts: list[str] = []
        spans: list[tuple[int, int] | None] = []
        while len(spans) < len(title):
            rest = title[len(spans) :]
            number, length = self._longest(rest)
            texts.append(self._phrase(rest[:length], number, first=not texts))
            held = [] if number is None else self._tokens[number : number + length]
            spans += [(token.start, token.end) for token in held] or [None]
        return _NO_SPACE.sub("", " ".join(texts)), spans

    def _longest(self, rest: Sequence[str]) -> tuple[int | None, int]:
        """Return where most of the next words stand in a row, and how many; else None and 1."""

        def length(number: int) -> int:
            pairs = zip(rest, self._tokens[number : number + len(rest)], strict=False)
            return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1].word, pairs))

        number = max(self._casing.places.get(rest[0], ()), key=length, default=None)
        return number, 1 if number is None else length(number)

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
        text = signs[0] + "".join(map(str.__add__, forms, signs[1:]))
        for candidate in (text, " ".join(forms)):
            if words(candidate) == list(phrase):
                return candidate
        return " ".join(phrase)

    def _signs(self, number: int, length: int) -> list[str]:
        """Return the signs before, between and behind `length` tokens from `number` on."""
        body, held = self._body, self._tokens[number : number + length]
        gaps = [joiner(body[left.end : right.start]) for left, right in pairwise(held)]
        opening = _OPENING.search(body[max(0, held[0].start - 2) : held[0].start])
        closing = _CLOSING.match(body[held[-1].end : held[-1].end + 3])
        ends = [found.group() if found else "" for found in (opening, closing)]
        return balanced([ends[0], *gaps, ends[1]])


def joiner(gap: str) -> str:
    """Return what joins two words of a phrase: `gap`, the text between them, or a space."""
    if not gap:
        return gap
    if len(gap) > _LONGEST_JOINER or "\n" in gap or not _JOINER.fullmatch(gap):
        return " "
    return re.sub(r"\s+", " ", gap)


def balanced(signs: list[str]) -> list[str]:
    """Leave out brackets and quotes without their other half, of what is around a phrase's words.

    What does not go together becomes a space, or nothing before the first and behind the last word.
    """
    signs = list(signs)
    while (wrong := _unmatched(signs)) is not None:
        signs[wrong] = " " if 0 < wrong < len(signs) - 1 else ""
    return signs


def _unmatched(signs: list[str]) -> int | None:
    """Return the number of the first of `signs` that holds half a pair."""
    waiting: list[tuple[str, int]] = []
    last = len(signs) - 1
    for number, gap in enumerate(signs):
        for place, sign in enumerate(_ARROW.sub("  ", gap)):
            if sign not in _SIGNS:
                continue
            if sign in _STRAIGHT:  # which half it is shows from the word that it touches
                opens = number < last and place == len(gap) - 1
                closes = number > 0 and place == 0
            else:
                opens, closes = sign in _PAIRS, sign not in _PAIRS
            if opens and not closes:
                waiting.append((_PAIRS[sign], number))
            elif opens == closes or not waiting or waiting.pop()[0] != sign:
                return number
    return waiting[-1][1] if waiting else None


class _Casing:
    """How a body writes its words: which capitals are a word's, and which a sentence's start."""

    def __init__(self, body: str, tokens: Sequence[Token]) -> None:
        self._body, self._tokens = body, tokens
        self.places: defaultdict[str, list[int]] = defaultdict(list)  # numbers of tokens, by word
        for number, token in enumerate(tokens):
            self.places[token.word].append(number)
        forms = [self.written(number) for number in range(min(_HEAD, len(tokens)))]
        cased = [form for form in forms if len(form) > 1 and form.lower() != form.upper()]
        # Where most words are all capitals, capitals say nothing.
        self._shouting = 2 * sum(map(str.isupper, cased)) > len(cased)
        begin = [form for number, form in enumerate(forms) if self._begins(number)]
        plain = [form for form in begin if _ordinary(form)]
        # Of sentences. Markup and code begin with small letters whatever the author does.
        self.capitals = 3 * sum(form[0].isupper() for form in plain) > len(plain)

    def written(self, number: int) -> str:
        _, start, end = self._tokens[number]
        return self._body[start:end]

    def form(self, word: str) -> str:
        """Return a word as the body writes it within a sentence, or as it is."""
        numbers = self.places.get(word, [])
        within = [self.written(number) for number in numbers if not self._begins(number)]
        # Where a word only begins sentences, its capital is theirs.
        forms = within or [form for form in map(self.written, numbers) if not _ordinary(form)]
        if not forms:
            return word
        form = Counter(forms).most_common(1)[0][0]  # of equally common ones the first
        return word if self._shouting and _ordinary(form) and form.isupper() else form

    def _begins(self, number: int) -> bool:
        """Return whether a token may have its capital from its place."""
        if number == 0:
            return True
        gap = self._body[self._tokens[number - 1].end : self._tokens[number].start]
        return gap != " " and ("\n" in gap or len(gap) > _LONG or bool(_STOP.search(gap)))


def _ordinary(form: str) -> bool:
    """Return whether a word is letters of one case, but for the first, unlike a name like `v2`."""
    return bool(_ORDINARY.fullmatch(form)) and (form[1:] == form[1:].lower() or form.isupper())


def _capitalised(form: str, word: str) -> str:
    """Return an ordinary word with a capital, unless it would be another word then."""
    capitalised = form[:1].upper() + form[1:]
    return capitalised if _ordinary(form) and words(capitalised) == [word] else form
