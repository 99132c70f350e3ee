"""Words of strangers stay words."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from issuesum.lineage.reporting.html import markdown, plain
from report_sides import HOSTILE

_GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _cell(text: str) -> str:
    """Return the HTML that a cell of a table with this text becomes."""
    page = _GFM.render(f"| a | b |\n|:--|:--|\n| {markdown(text)} | end |\n")
    (cell,) = re.findall(
        r"<tbody>\n<tr>\n<td[^>]*>(.*)</td>\n<td[^>]*>end</td>\n</tr>", page, re.DOTALL
    )
    return cell


@settings(max_examples=50)
@given(st.text(max_size=100))
def test_a_cell_shows_the_text_and_nothing_else(text: str) -> None:
    shown = html.unescape(_cell(text)).replace("\u2060", "")
    assert shown == plain(text).replace("\u2060", "").strip()


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE, "<img src=x onerror=alert(1)>", "a | b | c", "`code` and ``more``", "**b** ~~x~~",
        "[link](http://evil.example)", "<http://evil.example>", ":smile:", "| --- |", "\\| x",
    ],
)  # fmt: skip
def test_markup_is_not_read(text: str) -> None:
    assert "<" not in _cell(text)


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("ping @octocat now", r"@\w"),
        ("see #12 and a/b#3", r"#\d"),
        ("GH-7", r"GH-\d"),
        ("https://github.com/a/b/issues/1", r"https?://"),
        ("www.example.com", r"www\."),
        ("merge !5", r"!\d"),
    ],
)
def test_nothing_that_a_forge_would_link_is_left(text: str, begins: str) -> None:
    assert re.search(begins, text)
    assert not re.search(begins, html.unescape(_cell(text)))


def test_lines_are_short_and_keep_their_direction() -> None:
    assert plain("a\u202eb\n\tc\x00d") == "ab c d"
    assert len(plain("x" * 500)) == 120
