"""Markdown from templates: words of strangers are shown as they are, and nothing more."""

from __future__ import annotations

import re

from markupsafe import Markup

from issuesum.lineage.reporting.html import environment, plain

_JOINER = "\N{WORD JOINER}"  # cannot be seen
# What GitHub, GitLab and Gitea turn into links, pings and references to other issues: @name, #123,
# !123, $snippet, ~label, %milestone, GH-123, https://… and www.…
_LINKS = re.compile(r"[@#!$~%](?=\S)|\bGH-(?=\d)|\w{2,}:(?=//)|\bwww(?=\.)", re.IGNORECASE)
_STRUCTURE = re.compile(r"[\\`*_{}\[\]<>#!|~&@$^]|:(?=\S)")
_MACROS = "templates/macros.md"


def markdown(text: object) -> Markup:
    """Return one line such that Markdown shows the text and reads nothing into it.

    Punctuation becomes numeric entities, which no parser takes for structure. Since pings and links
    are looked for after parsing, an invisible character stands behind what would begin one.
    """
    if isinstance(text, Markup):
        return text
    guarded = _LINKS.sub(lambda found: found[0] + _JOINER, plain(text, None))
    return Markup(_STRUCTURE.sub(lambda found: f"&#{ord(found[0])};", guarded))  # noqa: S704


_MARKDOWN = environment(finalize=markdown)


def render(template: str, **values: object) -> str:
    """Return Markdown; every value that is not Markup is escaped."""
    macros = _MARKDOWN.get_template(_MACROS).module
    text = _MARKDOWN.get_template(template).render(values, ui=macros)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
