"""One pass from raw text to words, in the two steps that ktext's `processor` takes.

`clean` is what `processor.set_cleaner` is given and `tokenize` what `processor.set_tokenizer` is.
Identifiers stay whole (`node.js`, `v2.1.0`, `don't`, `re-run`); URLs and e-mail addresses become
placeholders, because no vocabulary can hold them and a title should not repeat them.
"""

from __future__ import annotations

import re
import unicodedata

URL = "_url_"
EMAIL = "_email_"
START = "_start_"
END = "_end_"
UNSPEAKABLE = frozenset({URL, EMAIL, START, END})
"""Tokens that must never reach a reader."""

# The bounds on the parts of an address are those of RFC 5321 (4.5.3.1.1) and RFC 1035 (2.3.4); they
# also keep a match linear in the length of hostile input such as "a+a+a+...".
# U+0300-036F are combining accents that have no composed form and so survive NFC.
_WORD = r"[\w\u0300-\u036f]"
_TOKEN = re.compile(
    rf"""
    (?P<url>(?:https?|ftp)://\S+|www\.[^\s.]+\.\S+)
    |(?P<email>[\w.+-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}})+)
    |{_WORD}+(?:[.'\u2019-]{_WORD}+)*
    """,
    re.VERBOSE,
)


def _token(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind is None:
        return match.group().replace("\u2019", "'")
    return URL if kind == "url" else EMAIL


def clean(text: str) -> str:
    """Lower-case `text` and keep its words, separated by single spaces.

    Args:
        text: any Unicode text.

    Returns:
        The words of `text`; `clean(clean(text)) == clean(text)`.
    """
    lowered = unicodedata.normalize("NFC", text).lower()
    return " ".join(_token(match) for match in _TOKEN.finditer(lowered))


def tokenize(cleaned: str) -> list[str]:
    """Split what `clean` returned into its words."""
    return cleaned.split(" ") if cleaned else []


def words(text: str) -> list[str]:
    """Return the words of raw `text`: `tokenize(clean(text))`."""
    return tokenize(clean(text))
