"""One pass from raw text to words.

Identifiers and numbers stay whole (`node.js`, `v2.1.0`, `don't`, `re-run`, `404`) and a path keeps
its parts. Chinese and Japanese are written without spaces: there each character is a word, but for
katakana, whose runs are words. URLs and e-mail addresses become placeholders, because no vocabulary
can hold them and a title should not repeat them. `tokens` also gives each word's place, so that a
word that a model copies can be written as its author wrote it.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import count, groupby, product
from typing import NamedTuple

URL = "_url_"
EMAIL = "_email_"
START = "_start_"
END = "_end_"
UNSPEAKABLE = frozenset({URL, EMAIL, START, END})
"""Tokens that must never reach a reader."""


class Token(NamedTuple):
    """A word and its place in the raw text, `text[start:end]`, as its author wrote it."""

    word: str
    """Lower-cased, in Unicode's composed form, or a placeholder."""
    start: int
    end: int


def _marks() -> str:
    r"""Return the class of combining marks for a regular expression.

    Python's `\w` does not know them, though Hindi or Thai words are full of them. Variation
    selectors are left out: they choose between the looks of an emoji.
    """
    codes = [*range(0x300, 0xFE00), *range(0xFE10, 0x20000)]  # none is above (Unicode 15)
    kinds = map(unicodedata.category, map(chr, codes))
    marks = [code for code, kind in zip(codes, kinds, strict=True) if kind in ("Mn", "Mc")]
    places = count()
    runs = [list(run) for _, run in groupby(marks, lambda code: code - next(places))]
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)


# The bounds on the parts of an address are those of RFC 5321 (4.5.3.1.1) and RFC 1035 (2.3.4); with
# them, and with repeats that give nothing back, a match is linear in the length of hostile input
# such as "a+a+a+...". \x1c-\x1f are white space to Python's Unicode mode and not to its ASCII mode.
_URL = r"""(?=[FfHhWw])(?:
    (?i:https?|ftp)://[^\s\x1c-\x1f]++
    |(?i:www)\.[^\s\x1c-\x1f.]++\.[^\s\x1c-\x1f]++
)"""
_EMAIL = r"[\w.+-]{1,64}+@[\w-]{1,63}+(?:\.[\w-]{1,63}+)++"
# Hiragana, Bopomofo and Han: of 4 blocks and of the planes above, whose letters are all Han.
UNSPACED = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u3105-\u312f\u31a0-\u31bf"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Characters that are words of their own, for the class of a regular expression."""
_MARKS = _marks()
_WORD = rf"[^\W{UNSPACED}](?:[^\W{UNSPACED}]++|[{_MARKS}]++)*+"
_TOKEN = re.compile(
    rf"{_URL}|{_EMAIL}|{_WORD}(?:[.'\u2019-]{_WORD})*+|[{UNSPACED}][{_MARKS}]*+", re.VERBOSE
)
# The same for lower-cased ASCII, which nine in ten issues are: four times as fast.
_ASCII_WORD = re.compile(r"\w++(?:[.'-]\w++)*+", re.ASCII)
_ASCII_TOKEN = re.compile(rf"{_URL}|{_EMAIL}|{_ASCII_WORD.pattern}", re.ASCII | re.VERBOSE)
_WWW = {"".join(case) + "." for case in product("wW", repeat=3)}
_ADDRESS = re.compile(rf"(?P<url>{_URL})|{_EMAIL}", re.VERBOSE)


def tokens(text: str) -> Iterator[Token]:
    """Yield the words of raw `text` with their places, in order; places do not overlap."""
    for match in _TOKEN.finditer(text):
        yield Token(_word(match.group()), *match.span())


def words(text: str) -> list[str]:
    """Return the words of raw `text`: those of `tokens`, without their places."""
    if not text.isascii():
        return [_word(token) for token in _TOKEN.findall(text)]
    lowered = text.lower()
    if not ("@" in lowered or "://" in lowered or "www." in lowered):
        return _ASCII_WORD.findall(lowered)
    found = _ASCII_TOKEN.findall(lowered)
    return [token if token.isalnum() else _word(token) for token in found]  # most of them are


def _word(token: str) -> str:
    # What no word holds, and three quick looks are cheaper than a group at every match.
    quick = "@" in token or ":" in token or token[:4] in _WWW
    if quick and (address := _ADDRESS.match(token)):
        return URL if address["url"] else EMAIL
    lowered = token.lower()
    if lowered.isascii():
        return lowered
    return unicodedata.normalize("NFC", lowered).replace("\u2019", "'")


def clean(text: str) -> str:
    """Return the words of `text`, separated by single spaces; a cleaned text stays as it is.

    ktext's `processor` takes it as a cleaner, with `str.split` as its tokenizer.
    """
    return " ".join(words(text))
