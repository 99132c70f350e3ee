"""A lineage as SVG: cards and arrows, from left to right."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from issuesum.console import printable
from issuesum.lineage.reporting import html

_LINE, _TOP = 19, 26  # units, which are pixels where a drawing is as wide as its page
_LETTER = 7.3  # widest mean of a line's letters
_GAP = 34
_WIDE, _LANE = 200, 68  # width of a card, and height between the rows

type Edge = tuple[int, int, str]
"""Places of two cards, and a word for what leads from the first to the second."""
type Point = tuple[float, float]


@dataclass(frozen=True)
class Card:
    """One thing of a drawing, and where it is drawn."""

    title: str
    digits: str = ""  # of its hash
    lines: tuple[str | None, ...] = ()  # what else is known
    kind: str = "step"  # class of the style sheet
    below: bool = False  # in the second row
    x: float = 1
    y: float = 1
    width: float = _WIDE
    height: float = 0

    @property
    def rows(self) -> list[tuple[str, float, str]]:
        """Class, height and text of each line, which fits into the card."""
        texts = [("title", self.title), ("digits", self.digits)]
        texts += [("faint", line) for line in self.lines if line]
        most = int((self.width - 28) / _LETTER)
        shown = [(kind, printable(text)) for kind, text in texts if text]
        return [
            (kind, self.y + _TOP + _LINE * place, html.cut(text, most))
            for place, (kind, text) in enumerate(shown)
        ]

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


def draw(cards: Sequence[Card], edges: Sequence[Edge], *, style: str = "") -> Markup:
    """Draw cards from left to right, and a second row for those that stand below.

    Edges are between neighbours of the first row, or from one row to the other. A drawing that has
    no page around it takes the `style` with it.
    """
    pitch, boxes = _WIDE + _GAP, list(cards)
    first = [place for place, card in enumerate(cards) if not card.below]
    second = [place for place, card in enumerate(cards) if card.below][::-1]
    high, low = (max((cards[at].needed for at in row), default=0) for row in (first, second))
    for column, place in enumerate(first):
        boxes[place] = replace(cards[place], x=column * pitch + 1, height=high)
    for column, place in enumerate(second):  # two columns wide, the right one below its source
        x = max([2 * pitch * column + 1, *(boxes[a].x - pitch for a, b, _ in edges if b == place)])
        below = high + _LANE
        boxes[place] = replace(cards[place], x=x, y=below, width=_WIDE + pitch, height=low)
    last = max(boxes[place].x for place in second)
    arrows, lane, floor = [], high + _LANE / 2, max(box.end[1] for box in boxes)
    for a, b, word in edges:
        start, end = boxes[a], boxes[b]
        (x, middle), (to, _), (side, bottom) = start.centre, end.centre, start.end
        left, level = x, lane  # of the word
        if start.below == end.below:
            points = [(side, middle), (end.x - 1, middle)]
        elif end.below and end.x < x < end.end[0]:
            points = [(x, bottom + 1), (x, end.y - 1)]
        elif end.below:
            points = [(x, bottom + 1), (x, lane), (to, lane), (to, end.y - 1)]
        elif start.x == last:
            points = [(side, middle), (to - 24, middle), (to - 24, end.end[1] + 1)]
            left, level = side, middle
        else:  # past what stands to the right
            level = floor = bottom + 24
            points = [(x, bottom), (x, floor), (to + 24, floor), (to + 24, end.end[1] + 1)]
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
        arrows.append((path, _head(*points[-2:]), word, (left + 10, level - 6)))
    ways = [f"{cards[a].title} leads to {cards[b].title}" for a, b, _ in edges]
    label = printable("; ".join([*(card.title for card in cards), *ways]))
    size = max(box.end[0] for box in boxes), floor
    return html.render(
        "templates/graph.svg", cards=boxes, arrows=arrows, size=size, label=label, style=style
    )


def _head(before: Point, tip: Point) -> str:
    """Return the corners of the head of an arrow that comes from above, below or a side."""
    (x0, y0), (x, y) = before, tip
    across, down = (x > x0) - (x < x0), (y > y0) - (y < y0)
    left = (x - 8 * across - 4 * down, y - 8 * down + 4 * across)
    right = (x - 8 * across + 4 * down, y - 8 * down - 4 * across)
    return " ".join(f"{a:g},{b:g}" for a, b in (tip, left, right))
