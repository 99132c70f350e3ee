"""What stands between the words of a copied phrase, as far as it belongs into a title."""

from __future__ import annotations

import re

_LONGEST = 5
# No line break and no end of a sentence, no sign thrice, no lone `#` (a heading; `C# ` is a name).
_GAP = re.compile(
    r"""(?!.*(.)\1\1) (?!.*\s\#\s)
    [\s\\/,:+=&\#@$%~^<>()\[\]{}"'`\u2018\u2019\u201c\u201d\u2013\u2014-]+
    (?: \.{1,2}/ | (?<=[\s/])\. )?  # before ./x, ../x, .net, ~/.profile
    """,
    re.VERBOSE,
)
_BEFORE = re.compile(r"""(?<!\w)[("'`\u201c\u2018]\Z""")
_BEHIND = re.compile(r"""\(\)|[)"'`\u201d\u2019](?!\w)""")
_ARROW = re.compile(r"[-=]>|<[-=]|>=")
_STRAIGHT = "\"'`"
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", "\u201c": "\u201d", "\u2018": "\u2019"} | dict(
    zip(_STRAIGHT, _STRAIGHT, strict=True)
)
_SIGNS = {*_PAIRS, *_PAIRS.values()}


def between(gap: str) -> str:
    """Return what is to stand between two words: `gap`, the text between them, or a space."""
    if len(gap) > _LONGEST or "\n" in gap or not _GAP.fullmatch(gap):
        return " "
    return re.sub(r"\s+", " ", gap)


def before(text: str) -> str:
    """Return the sign that opens a phrase, if `text` before the phrase ends with one."""
    found = _BEFORE.search(text[-2:])
    return found.group() if found else ""


def behind(text: str) -> str:
    """Return the sign that closes a phrase, if `text` behind the phrase begins with one."""
    found = _BEHIND.match(text[:3])
    return found.group() if found else ""


def balanced(signs: list[str]) -> list[str]:
    """Leave out brackets and quotes without their other half.

    Args:
        signs: what stands before, between and behind the words of a phrase.

    Returns:
        The same, with a space in place of what does not go together, or nothing at the ends.
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
