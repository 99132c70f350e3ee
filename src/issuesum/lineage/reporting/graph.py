"""A pipeline or a lineage as SVG: cards and arrows, from top to bottom or from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from markupsafe import Markup

from issuesum.console import printable
from issuesum.lineage.reporting import html

_TEMPLATE = "templates/graph.svg"
_LINE, _TOP = 19, 26  # units, which are pixels where a drawing is as wide as its page
_LETTER = 7.3  # widest mean of a line's letters
_GAP = 34
_ARC = 26  # that an arc goes out for every card that it skips
_WIDE, _LANE = 200, 68  # width of a card, and height between the rows of `wide`

type Edge = tuple[str, str, str]
"""Titles of two cards, and a word for what leads from the first to the second."""
type Point = tuple[float, float]


@dataclass(frozen=True)
class Card:
    """One thing of a drawing, and where it is drawn."""

    title: str
    digits: str = ""  # of its hash
    lines: tuple[str, ...] = ()  # what else is known
    kind: str = "step"  # classes of the style sheet
    note: str = ""  # at the right end of the title
    below: bool = False  # in the second row of `wide`
    x: float = 1
    y: float = 1
    width: float = _WIDE
    height: float = 0

    @property
    def rows(self) -> list[tuple[str, float, str]]:
        """Class, height and text of each line, which fits into the card."""
        rows = [
            ("title", self.title),
            ("digits", self.digits),
            *(("faint", of) for of in self.lines),
        ]
        most = int((self.width - 28) / _LETTER) - len(self.note)
        texts = [(kind, printable(text)) for kind, text in rows if text]
        return [
            (kind, self.y + _TOP + _LINE * place,
             text if len(text) <= most else f"{text[: most - 1].rstrip()}…")
            for place, (kind, text) in enumerate(texts)
        ]  # fmt: skip

    @property
    def needed(self) -> float:
        """Height of its lines and the margins."""
        return _TOP + _LINE * (len(self.rows) - 1) + 12

    @property
    def centre(self) -> Point:
        """Of the card."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def end(self) -> Point:
        """Right and lower end."""
        return self.x + self.width, self.y + self.height


class _Arrow(NamedTuple):
    path: str
    head: str
    word: str = ""
    at: Point = (0, 0)


def tall(cards: Sequence[Card], edges: Sequence[Edge], *, width: int = 320) -> Markup:
    """Draw one card below the other; arcs on the right lead past others."""
    boxes: dict[str, Card] = {}
    y = right = 1.0
    for card in cards:
        boxes[card.title] = replace(card, y=y, width=width, height=card.needed)
        y += card.needed + _GAP // 2
    place = {title: number for number, title in enumerate(boxes)}
    arrows = []
    for a, b, _ in edges:
        start, end, skipped = boxes[a], boxes[b], place[b] - place[a] - 1
        if not skipped:
            x = start.centre[0]
            arrows.append(_arrow([(x, start.end[1]), (x, end.y - 1)]))
            continue
        side, y0, y1 = start.end[0], start.centre[1] + 6, end.centre[1] - 6
        out, right = side + 5 + _ARC * skipped, max(right, _ARC * skipped * 3 / 4)
        curve = f"M{side:g} {y0:g}C{out:g} {y0:g} {out:g} {y1:g} {side + 8:g} {y1:g}"
        arrows.append(_Arrow(curve, _head((side + 9, y1), (side + 1, y1))))
    size = width + right + 8, y
    return html.render(_TEMPLATE, kind="tall", label=_label(cards, edges), size=size, style="",
                       cards=boxes.values(), arrows=arrows)  # fmt: skip


def wide(cards: Sequence[Card], edges: Sequence[Edge], *, style: str = "") -> Markup:
    """Draw cards from left to right, and a second row for those that stand below.

    Args:
        cards: those of the first row in their order.
        edges: between neighbours of the first row, or from one row to the other.
        style: of a drawing that has no page around it.
    """
    first = [card for card in cards if not card.below]
    second = [card for card in reversed(cards) if card.below]
    pitch, high = _WIDE + _GAP, max((card.needed for card in first), default=0)
    boxes = {
        card.title: replace(card, x=place * pitch + 1, height=high)
        for place, card in enumerate(first)
    }
    for place, card in enumerate(second):  # two columns wide, the right one below its source
        sources = [boxes[a].x - pitch for a, b, _ in edges if b == card.title and a in boxes]
        boxes[card.title] = replace(
            card, x=max([2 * pitch * place + 1, *sources]), y=high + _LANE, width=_WIDE + pitch,
            height=max(card.needed for card in second),
        )  # fmt: skip
    last = max(boxes[card.title].x for card in second)
    arrows, lane, floor = [], high + _LANE / 2, max(box.end[1] for box in boxes.values())
    for a, b, word in edges:
        start, end = boxes[a], boxes[b]
        (x, middle), (to, _), (side, bottom) = start.centre, end.centre, start.end
        at = (x + 10, lane - 6)
        if start.below == end.below:
            points = [(side, middle), (end.x - 1, middle)]
        elif end.below and end.x < x < end.end[0]:
            points = [(x, bottom + 1), (x, end.y - 1)]
        elif end.below:
            points = [(x, bottom + 1), (x, lane), (to, lane), (to, end.y - 1)]
        elif start.x == last:
            points = [(side, middle), (to - 24, middle), (to - 24, end.end[1] + 1)]
            at = (side + 10, middle - 6)
        else:  # past what stands to the right
            floor = bottom + 24
            points = [(x, bottom), (x, floor), (to + 24, floor), (to + 24, end.end[1] + 1)]
            at = (x + 10, floor - 6)
        arrows.append(_arrow(points, word, at))
    size = max(box.end[0] for box in boxes.values()), floor
    return html.render(_TEMPLATE, kind="wide", label=_label(cards, edges), size=size, style=style,
                       cards=boxes.values(), arrows=arrows)  # fmt: skip


def _label(cards: Sequence[Card], edges: Sequence[Edge]) -> str:
    ways = [f"{a} leads to {b}" for a, b, _ in edges]
    return printable("; ".join([*(card.title for card in cards), *ways]))


def _arrow(points: Sequence[Point], word: str = "", at: Point = (0, 0)) -> _Arrow:
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    return _Arrow(path, _head(*points[-2:]), word, at)


def _head(before: Point, tip: Point) -> str:
    """Return the corners of the head of an arrow that comes from above, below or a side."""
    (x0, y0), (x, y) = before, tip
    across, down = (x > x0) - (x < x0), (y > y0) - (y < y0)
    left = (x - 8 * across - 4 * down, y - 8 * down + 4 * across)
    right = (x - 8 * across + 4 * down, y - 8 * down - 4 * across)
    return " ".join(f"{a:g},{b:g}" for a, b in (tip, left, right))
