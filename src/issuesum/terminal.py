"""What strangers wrote, for a terminal: it is shown, and moves nothing."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return text without control characters, ends of lines, and what turns its direction."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
