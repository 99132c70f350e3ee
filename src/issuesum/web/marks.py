"""A body cut where copied words begin and end."""

from __future__ import annotations

from collections.abc import Iterable

from issuesum.web.contract import Word


def segments(body: str, words: Iterable[Word]) -> list[tuple[str, bool]]:
    """Return the body in pieces, each with whether it is a word that was copied.

    It is cut here and not in the browser, where an offset counts an emoji as two.

    Args:
        body: the text that `Word.span` counts in.
        words: of a title; one may be copied twice, spans may overlap or lie outside of the body.

    Returns:
        Pieces that joined give the body; none is empty.
    """
    spans = sorted(word.span for word in words if word.copied and word.span)
    pieces: list[tuple[str, bool]] = []
    done = 0
    for start, end in spans:
        first = max(start, done)
        if first < end:
            pieces += [(body[done:first], False), (body[first:end], True)]
            done = end
    pieces.append((body[done:], False))
    return [piece for piece in pieces if piece[0]]
