"""Bodies cut at copied words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from issuesum.web.contract import Word
from issuesum.web.marks import segments

SPANS = st.tuples(st.integers(-3, 30), st.integers(-3, 30))


def word(span: tuple[int, int] | None, *, copied: bool = True) -> Word:
    return Word(word="w", copied=copied, span=span)


def test_words_are_cut_out_in_the_order_of_the_body() -> None:
    words = [word((6, 9)), word((2, 5)), word((6, 9)), word(None), word((0, 1), copied=False)]
    assert segments("😀 the app", words) == [
        ("😀 ", False),
        ("the", True),
        (" ", False),
        ("app", True),
    ]


def test_overlapping_spans_are_marked_once() -> None:
    assert segments("abcdef", [word((0, 3)), word((1, 2)), word((2, 5))]) == [
        ("abc", True),
        ("de", True),
        ("f", False),
    ]


@given(st.text(max_size=20), st.lists(SPANS))
def test_pieces_join_to_the_body_whatever_the_spans(body: str, spans: list) -> None:
    pieces = segments(body, [word(span) for span in spans])
    assert "".join(text for text, _ in pieces) == body
    assert all(text for text, _ in pieces)


@given(st.text(min_size=1, max_size=20), st.data())
def test_exactly_the_characters_of_spans_are_marked(body: str, data: st.DataObject) -> None:
    spans = data.draw(
        st.lists(st.tuples(*[st.integers(0, len(body))] * 2).map(lambda pair: tuple(sorted(pair))))
    )
    flags = [is_ for text, is_ in segments(body, [word(span) for span in spans]) for _ in text]
    assert flags == [any(a <= at < b for a, b in spans) for at in range(len(body))]
