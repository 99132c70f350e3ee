"""Cleaning and splitting text."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from issuesum.text.tokens import clean, tokenize, words


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
        (" \n\t…!?", []),
        ("", []),
        ("a@b", ["a", "b"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text())
@example("İstanbul ﬁ ẞ ǅ")
@example("x" * 200 + "@" + "y" * 100 + ".com")
def test_any_text_is_cleaned_once_and_for_all(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert " ".join(tokenize(cleaned)) == cleaned
    assert all(tokenize(cleaned))


@pytest.mark.parametrize("unit", ["a+", "a@", "a.", "-", "a@-", "www.", "http://"])
def test_hostile_text_takes_linear_time(unit: str) -> None:
    # The claim is a shape, so it is a ratio in one run: 8 times the text, well below 64 times
    # the seconds (16 leaves room for a noisy machine).
    def seconds(times: int) -> float:
        text = unit * times
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            clean(text)
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(40_000) < 16 * max(seconds(5_000), 0.0005)
