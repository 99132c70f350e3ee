"""Template text is not content."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from issuesum.text.prose import body_words, prose
from issuesum.text.tokens import EMAIL, URL, tokens, words

BUG_REPORT = """<!-- Please search first,
then fill in. -->
**Describe the bug**
The app dies
**To Reproduce**
Steps to reproduce the behavior:
1. Go to '...'
2. Click on '....'
4. See error

**Expected behavior**
A clear and concise description of what you expected to happen.
It lives
 - OS: [e.g. iOS]
 - Browser [e.g. chrome, safari]
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (BUG_REPORT, "the app dies it lives"),
        ("### Expected behavior\nopens\n\n## Actual behaviour ##\nfails", "opens fails"),
        ("### What happened?\n\n_No response_\n\n### Version\n\n1.2.3", "1.2.3"),
        ("#### Is there an existing issue for this?\n- [X] I have searched\n\nslow", "slow"),
        ("### What version of Go are you using (`go version`)?\n1.9", "1.9"),
        ("- [ ] I have searched\n   * [x] I am new\n1. [ ] yes\n> [ ] no\nslow", "slow"),
        ("Steps to Reproduce:\n1. tap\n\nExpected Results: bar\nbaz", "1 tap bar baz"),
        ("Description\n-----\nIt hangs", "it hangs"),
        ("h3. Steps to reproduce\n*Actual result:* blank !a.png|thumbnail!", "blank"),
        ("1. **Version**: 1.2\n2. **OS:** linux", "1.2 linux"),
        ("**Is your feature request related to a problem? Please describe.**\nslow", "slow"),
        ("> On Mon, Jan 1, 2018, Bob <bob@x.org> wrote:\n> hello\nbye", "hello bye"),
        ("On Mon, Jan 1 2018, Bob Foo\n<bob@x.org> wrote:\n> hello", "hello"),
        ("From: Bob <a@b.c>\nSent: Monday 10:00\nTo: x@y.z\nhello", "hello"),
        ("[![Build](https://x/y.svg)](https://x/z) ![shot](http://x/a(1).png) slow", "slow"),
        ("slow ![shot][1] <img width=100\nalt='a b'> pages", "slow pages"),
        ("<details>\n<summary>Logs</summary>\n\ntrace<br/>\n</details>", "trace"),
        ("<h3>Steps to reproduce</h3>\n<b>Expected:</b> <a href=x><img src=y></a> opens", "opens"),
        ("**Do you want to request a *feature* or report a *bug*?**\nbug", "bug"),
        ("**Desktop (please complete the following information):**\n- OS: mac", "mac"),
        ("== Expected behavior ==\n_Actual behavior_\nSteps to reproduce -\nfails", "fails"),
        ("**What happened**:\nboom\n**Anything else we need to know?**:\n", "boom"),
        ("> From: Bob\n> To: list\n> Subject: Re: fails on save\nhi", "fails on save hi"),
        # What only looks like it stays.
        ("__init__ fails\n_foo_ bar\n*all* of it\n=x=", "__init__ fails _foo_ bar all of it x"),
        ("## Crash on start\nafter update", "crash on start after update"),
        ("# Does not work with PHP 8", "does not work with php 8"),
        ("## Problem with the login page", "problem with the login page"),
        ("fix the [x](y) link, a[i] and [ ] in text", "fix the x y link a i and in text"),
        ("A button [ ] and ! and <b>bold</b> > -->", "a button and and b bold b"),
        ("expected behavior of the parser differs", "expected behavior of the parser differs"),
        ("steps://x and Environment://y", "steps x and environment y"),
        # Where nothing else is left it is content.
        ("### Expected behavior\n- [ ] done", "expected behavior done"),
        ("<!-- hidden -->\n### Version", "version"),
        ("<!-- only this -->", "only this"),
        ("", ""),
        # A comment without an end hides no more than its line.
        ("<!-- be brief\nThe app\n\n### Version\n2", "the app 2"),
        ("a <!-- b -> c\nd <!-- e\nf", "a d e f"),
        ("a <!--> b <!---> c <!---- d ----> e", "a b c e"),
    ],
)
def test_what_the_author_wrote_is_left(body: str, expected: str, line_end: str) -> None:
    assert body_words(body.replace("\n", line_end)) == expected.split()


pieces = st.sampled_from(
    ["\n", "\r\n", "### ", "Version", "Expected behavior", "**", "- [ ] ", "<!--", "-->", "![",
     "](", ")", "[", "<img ", "<details>", "</summary>", "<summary>", ">", "> ", "on x wrote:",
     "_no response_", "İ", "é", " ", "word", "a@b.c", "http://x.y/", "wrote:", ":", "*", "1. ",
     "see error"]
)  # fmt: skip


@given(st.text() | st.lists(pieces).map("".join))
@example("İ\n### Expected behavior\nİ ist da")
def test_places_stay_and_something_is_left(text: str) -> None:
    found = prose(text)
    assert len(found) == len(text)
    assert all(new in (old, " ") for new, old in zip(found, text, strict=True))
    assert bool(body_words(text)) == bool(words(text))
    for word, start, end in tokens(found):
        if word not in (URL, EMAIL):
            assert words(text[start:end]) == [word]


def test_every_character_keeps_its_place() -> None:
    text = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    assert len(prose(f"{text}\n### Version\nx")) == len(text) + len("\n### Version\nx")


@pytest.mark.parametrize(
    "unit",
    ["<!--", "<!-- a", "![", "![a](", "[![", "![a](b", "![x", "<img ", "<summary>", "<p", "**",
     "\n**a", "\n>", "\n> ", "\n> a", "\non a", "\n@a ", "\n#", "\n# a", "\n- [", "\n- [ ] a",
     "\n-", "\nfrom:", "\nsteps to reproduce ", "\nsteps to reproduce (", "\n1. a",
     "\n_", "\n> on a\n> b"],
)  # fmt: skip
def test_hostile_text_takes_linear_time(unit: str) -> None:
    def seconds(times: int) -> float:
        text, best = unit * times, float("inf")
        for _ in range(3):
            start = time.thread_time()
            prose(text)
            best = min(best, time.thread_time() - start)
        return best

    # As for tokens: 8 times the text, well below 64 times the seconds.
    assert seconds(16_000) < 20 * max(seconds(2_000), 0.001)
