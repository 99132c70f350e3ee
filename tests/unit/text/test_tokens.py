"""Cleaning and splitting text."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from issuesum.text.tokens import (
    EMAIL,
    END,
    START,
    UNSPACED,
    UNSPEAKABLE,
    URL,
    clean,
    tokens,
    words,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The App CRASHES!", ["the", "app", "crashes"]),
        ("see https://example.com/a?b=c, please", ["see", "_url_", "please"]),
        ("www.example.com and ftp://x.org/y", ["_url_", "and", "_url_"]),
        ("mail jane.doe+x@example.co.uk now", ["mail", "_email_", "now"]),
        ("node.js v2.1.0 re-run don't don’t", ["node.js", "v2.1.0", "re-run", "don't", "don't"]),
        ("path/to/file.py:12", ["path", "to", "file.py", "12"]),
        ("snake_case __init__", ["snake_case", "__init__"]),
        ("Ошибка при авторизации", ["ошибка", "при", "авторизации"]),
        ("cafe\u0301", ["café"]),
        ("हिन्दी में ไทยที่นี่", ["हिन्दी", "में", "ไทยที่นี่"]),
        ("1️⃣ ok ❤️", ["1", "ok"]),
        ("用Python3.12时报错：超时", [*"用", "python3.12", *"时报错超时"]),
        ("サーバーが起動しない。か\u3099", ["サーバー", *"が起動しない", "が"]),
        ("한국어 텍스트", ["한국어", "텍스트"]),
        ("HTTPS://EXAMPLE.ORG/X WWW.example.org/", ["_url_", "_url_"]),
        ("error 404 at 0x7FFF, 3.5 GB", ["error", "404", "at", "0x7fff", "3.5", "gb"]),
        ("İ@example.org wWw.É.x É.www.y.z", ["_email_", "_url_", "é.www.y.z"]),
        (" \n\t…!?", []),
        ("", []),
        ("a@b", ["a", "b"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


# Texts in which addresses, words and what is nearly one of them stand side by side.
pieces = st.sampled_from(
    ["www.", "WWW.", "http://", "HTTPS://", "ftp:", "@", "a", "b-", ".", ":", "/", "'", " ", "\x1c",
     "_", "x.y", "é", "中", "あ", "ア", "ー", "\u3099",
     "\u2019", "-", "+", "www.a.b", "a@b.c", "1", "f", "\u0301", "İ", "Σ"]
)  # fmt: skip
texts = st.text() | st.lists(pieces).map("".join)


@given(texts)
@example("İstanbul ﬁ ẞ ǅ")
@example("www..a@b.c www.a@b.c www.a@b www.a wWw.É.x İ@b.cd httpſ://x")
@example("x" * 200 + "@" + "y" * 100 + ".com")
def test_any_text_is_cleaned_once_and_for_all(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert cleaned.split() == words(text)


def test_marks_and_placeholders_are_those_of_every_bundle() -> None:
    assert (URL, EMAIL, START, END) == ("_url_", "_email_", "_start_", "_end_")
    assert {URL, EMAIL, START, END} == UNSPEAKABLE


def test_letters_digits_and_their_marks_hold_a_word_together() -> None:
    selectors = {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
    alone = re.compile(f"[{UNSPACED}]")
    for code in (*range(0xD800), *range(0xE000, 0x20000), *selectors):
        sign = chr(code)
        mark = unicodedata.category(sign) in ("Mn", "Mc") and code not in selectors
        joins = mark or sign in ".'\u2019-" or bool(re.match(r"\w", sign))
        expected = 3 if alone.match(sign) else 1 if joins else 2
        assert len(words(f"x{sign}y")) == expected, hex(code)


def test_a_word_alone_is_a_letter_of_a_script_without_spaces() -> None:
    names = ("CJK", "HIRAGANA", "BOPOMOFO", "IDEOGRAPHIC")
    for code in range(0x110000):
        if re.match(f"[{UNSPACED}]", chr(code)) and (name := unicodedata.name(chr(code), "")):
            assert name.startswith(names), name


def test_every_character_is_cleaned_once_and_for_all() -> None:
    for code in (*range(0xD800), *range(0xE000, 0x110000)):
        cleaned = clean(f"a{chr(code)}Σ {chr(code)}")
        assert clean(cleaned) == cleaned, hex(code)


@given(texts)
@example("NullPointerException in v2.1.0 on macOS: http://x.org, Cafe\u0301 a@example.org")
def test_each_word_is_found_where_it_stands(text: str) -> None:
    found = list(tokens(text))
    assert [token.word for token in found] == words(text)
    last = 0
    for word, start, end in found:
        assert last <= start < end
        last = end
        if word not in (URL, EMAIL):
            assert words(text[start:end]) == [word]


def test_a_word_can_be_written_as_its_author_wrote_it() -> None:
    text = "NullPointerException in src/Foo.java:12, v2.1.0, macOS, don’t"
    assert [text[start:end] for _, start, end in tokens(text)] == [
        "NullPointerException", "in", "src", "Foo.java", "12", "v2.1.0", "macOS", "don’t",
    ]  # fmt: skip


# What it ends with decides which of the three expressions reads it.
@pytest.mark.parametrize("end", ["", " @", " é"])
@pytest.mark.parametrize("unit", ["a+", "a@", "a.", "-", "a@-", "www.", "http://"])
def test_hostile_text_takes_linear_time(unit: str, end: str) -> None:
    # The claim is a shape, so it is a ratio in one run: 8 times the text, well below 64 times
    # the seconds (of this process, since others may keep it waiting; 16 leaves room for noise).
    def seconds(times: int) -> float:
        text = unit * times + end
        best = float("inf")
        for _ in range(3):
            start = time.thread_time()  # of this thread alone: others may want the machine
            clean(text)
            best = min(best, time.thread_time() - start)
        return best

    assert seconds(40_000) < 16 * max(seconds(5_000), 0.001)
