"""Words of strangers in a Markdown comment: shown as they are, and nothing more."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 120
_JOINER = "\N{WORD JOINER}"  # cannot be seen
_BIDI = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"}
# What GitHub, GitLab and Gitea turn into links, pings and references to other issues: @name, #123,
# !123, $snippet, ~label, %milestone, GH-123, https://… and www.…
_LINKS = re.compile(r"[@#!$~%](?=\S)|\bGH-(?=\d)|\w{2,}:(?=//)|\bwww(?=\.)", re.IGNORECASE)
_STRUCTURE = re.compile(r"[\\`*_{}\[\]<>#!|~&@$^:]")


def plain(text: str) -> str:
    """Return one short line without control characters and overrides of the direction."""
    kept = "".join(
        " " if unicodedata.category(character) == "Cc" else character
        for character in text
        if character not in _BIDI
    )
    line = " ".join(kept.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def markdown(text: str) -> str:
    """Return `plain(text)` such that Markdown, within a line, shows it and reads nothing into it.

    Punctuation becomes numeric entities, which no parser takes for structure. Since pings and links
    are looked for after parsing, an invisible character stands behind what would begin one.
    """
    guarded = _LINKS.sub(lambda found: found[0] + _JOINER, plain(text))
    return _STRUCTURE.sub(lambda found: f"&#{ord(found[0])};", guarded)
