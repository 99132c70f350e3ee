"""Titles as people write them."""

from __future__ import annotations

import csv
import gzip
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuesum.serving.inference.surface import Surface, balanced, joiner
from issuesum.text.tokens import UNSPEAKABLE, tokens, words


def _write(body: str, title: list[str]) -> str:
    text, spans = Surface(body, list(tokens(body))).write(title)
    assert words(text) == title
    for word, span in zip(title, spans, strict=True):
        assert (span is None) == (word not in words(body))
        assert span is None or words(body[slice(*span)]) == [word]
    return text


NORMAL = (
    "Docker stops. The app throws NullPointerException on iOS, see README.md.\n"
    "Then Docker dies and the HTTP API is gone."
)


@pytest.mark.parametrize(
    ("body", "title", "expected"),
    [
        # Words keep the form that the body gives them, and lose a capital of the sentence.
        (NORMAL, "nullpointerexception on ios", "NullPointerException on iOS"),
        (NORMAL, "wrong readme.md in http api", "Wrong README.md in HTTP API"),
        (NORMAL, "crash with the app", "Crash with the app"),
        (NORMAL, "crash in docker", "Crash in Docker"),
        ("Docker dies. It hurts.", "crash of docker", "Crash of docker"),
        ("NPE9 dies. It hurts. Node.js too.", "npe9 of node.js", "NPE9 of Node.js"),
        ("Error foo. We saw error twice, an Error.", "no error", "No error"),
        ("<p>This fails. It is bad.", "why this fails", "Why this fails"),
        # The first letter is as the author's first letters are.
        ("it fails. always. on iOS.", "it fails on ios", "it fails on iOS"),
        ("it fails", "crash", "crash"),
        ("", "crash on start", "crash on start"),
        (NORMAL, "readme.md is gone", "README.md is gone"),
        ("Use `foo_bar`. It fails.", "foo_bar fails", "foo_bar fails"),
        ("The stra\u00dfe. The \ufb01 is bad.", "\ufb01 is bad", "\ufb01 is bad"),
        # Capitals say nothing where all is capitals.
        ("PLEASE FIX THE LOGIN. IT FAILS ON IOS!", "fix the login on ios", "Fix the login on ios"),
        ("UI IO bug", "bug io", "Bug io"),
        ("A B C crashes the API", "crash of api", "Crash of API"),
        # Nor behind a line of signs.
        ("we see ~~~~~~~~~~ Docker. it works.", "crash in docker", "crash in docker"),
        # Chinese and Japanese have no spaces, but to other letters, unless the body has none.
        ("使用Python报错，无法启动", "python报错", "Python报错"),
        ("使用 Python 报错，无法启动", "python无法启动", "Python 无法启动"),
        ("无法连接", "连接超时 error", "连接超时 error"),
        ("サーバーが落ちる", "エラー サーバー落ちる", "エラー サーバー落ちる"),
        # What stands between the words of a phrase stays.
        ("The get/hasCapability call. Bad.", "get hascapability call", "get/hasCapability call"),
        ("It says foo: Bar, baz - qux.", "wrong foo bar baz qux", "Wrong foo: bar, baz - qux"),
        ("We run docker-compose up -d. Bad.", "docker-compose up d", "Docker-compose up -d"),
        ("In src/Main.java and a::B. It fails.", "src main.java a b", "src/Main.java a::B"),
        ("We support C# code and C++ code. It is ok.", "no c code", "No C# code"),
        ("It calls foo(). It fails.", "it calls foo", "It calls foo()"),
        ('It shows "not found" now. It fails.', "shows not found now", 'Shows "not found" now'),
        ('It shows "not found" now. It fails.', "not found", '"not found"'),
        ('It shows "not found" now. It fails.', "found now", "Found now"),
        ('"Not found" is shown. It fails.', "not found", '"not found"'),
        ('It shows "not found" now. It fails.', "shows not", "Shows not"),
        ("The users\u2019 data (and more). It fails.", "users data and", "Users data and"),
        ("A List<String> and a -> b. Bad.", "no list string and a b", "No List<String> and a -> b"),
        # What does not belong into a title does not.
        ("It stops. Then dies", "it stops then dies", "It stops then dies"),
        ("the app\ncrashes", "the app crashes", "the app crashes"),
        ("## Foo # Bar\nit", "foo bar", "Foo bar"),
        ("the **app** crashes", "the app crashes", "the app crashes"),
        ("the app ------> crashes", "the app crashes", "the app crashes"),
        ("cell | other", "cell other", "cell other"),
        ("a .net app", "a net app", "a .net app"),
        # Unicode.
        ("Das Cafe\u0301 war zu. Es war so.", "das café", "Das Cafe\u0301"),
        ("It doesn\u2019t start. It is so.", "app doesn't start", "App doesn\u2019t start"),
        ("Не работает. Да.", "не работает", "Не работает"),
        ("हिन्दी में", "हिन्दी में", "हिन्दी में"),
    ],
)  # fmt: skip
def test_titles_read_as_people_write_them(body: str, title: str, expected: str) -> None:
    assert _write(body, words(title)) == expected


@pytest.mark.parametrize(
    "gap", [" ", "/", ", ", ": ", "::", " -", " --", "->", " -> ", "=", " #", " ./", "# ", " ("]
)
def test_what_joins_words(gap: str) -> None:
    assert joiner(gap) == gap


@pytest.mark.parametrize(
    "gap", [". ", "\n", "! ", "; ", " | ", "...", " # ", "---", "*", "  ", " \t", "\x00", ".\n\n"]
)
def test_what_does_not(gap: str) -> None:
    assert joiner(gap) == " "


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        (["", " (", ") ", ""], ["", " (", ") ", ""]),
        (["", " (", " ", ""], ["", " ", " ", ""]),
        (["", "] ", " [", ""], ["", " ", " ", ""]),
        (["(", "]", ""], ["", " ", ""]),
        (["(", " ", ""], ["", " ", ""]),
        (["", " ", ")"], ["", " ", ""]),
        (["", " \u2018", "\u2019 ", ""], ["", " \u2018", "\u2019 ", ""]),
        (["\u201c", " ", "\u201d"], ["\u201c", " ", "\u201d"]),
        (["\u201c", " ", "\u2019"], ["", " ", ""]),
        (["", " {", "} ", ""], ["", " {", "} ", ""]),
        (["", " [(", ")] ", ""], ["", " [(", ")] ", ""]),
        (["", " [(", "]) ", ""], ["", " ", " ", ""]),
        (['"', '" ', ' "', '"'], ['"', '" ', ' "', '"']),
        (["", "' ", " '", ""], ["", " ", " ", ""]),
        (["", "'", ""], ["", " ", ""]),
        (["", "'", "' ", ""], ["", " ", " ", ""]),
        (["", " '' ", ""], ["", " ", ""]),
        (["", " -> ", " <= ", ""], ["", " -> ", " <= ", ""]),
        (["", " <", "> ", ""], ["", " <", "> ", ""]),
    ],
)
def test_brackets_and_quotes_come_in_pairs(signs: list[str], expected: list[str]) -> None:
    assert balanced(signs) == expected


marks = st.sampled_from([*" .,:;!?/-_'\"`()[]<>#*|@=\n\u2019\u0301", "://", "www.", "a@b.c "])
letters = st.sampled_from(["a", "B", "iOS", "É", "Σ", "ß", "İ", "ﬁ", "x.y", "1", "don\u2019t"])
bodies = st.lists(letters | marks, max_size=30).map("".join) | st.text()


@given(body=bodies, other=bodies, data=st.data())
def test_a_title_s_words_are_the_decoded_words(body: str, other: str, data) -> None:
    pool = [word for word in words(body) + words(other) if word not in UNSPEAKABLE]
    if not pool:
        return
    start = data.draw(st.integers(0, len(pool) - 1))
    title = pool[start : start + 3] + data.draw(st.lists(st.sampled_from(pool), max_size=5))
    text = _write(body, title)
    assert "\n" not in text
    assert text == text.strip()


def test_the_words_of_real_titles_are_kept(shared: Path) -> None:
    with gzip.open(shared / "data/issues_35k.csv.gz", "rt", encoding="utf-8", newline="") as file:
        issues = list(islice(csv.DictReader(file), 0, None, 40))
    for issue in issues:
        title = [word for word in words(issue["issue_title"]) if word not in UNSPEAKABLE][:11]
        text, _ = Surface(issue["body"], list(tokens(issue["body"]))).write(title)
        assert words(text) == title
        assert not text.endswith((".", ",", ":", "-", "/", "(", "[")), text
        assert text.count("(") == text.count(")"), text
