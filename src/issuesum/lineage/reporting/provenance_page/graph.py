"""The lineage as a drawing, twice: from left to right, and for narrow windows from top to bottom.

The style sheet shows one of them, so that letters are as large as the text on any screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from issuesum.console import printable
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance import facts
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.provenance.trace import Trace
from issuesum.training.evaluation.baselines import BASELINES
from issuesum.training.evaluation.metrics import METRICS, PRIMARY

_LINE = 19  # units, which are pixels where the drawing is as wide as its page
_TOP = 26
_LETTER = 7.3  # widest mean of a line's letters
_GAP = 34


@dataclass(frozen=True)
class _Card:
    """One thing of the drawing.

    Attributes:
        kind: class of the style sheet.
        title: its first line.
        digits: of its hash.
        lines: what else is known.
    """

    kind: str
    title: str
    digits: str
    lines: tuple[str, ...]

    @property
    def height(self) -> int:
        return _TOP + _LINE * (1 + len(self.lines)) + 12

    def at(self, x: float, y: float, width: float, height: float) -> str:
        most = int((width - 28) / _LETTER)
        rows = [("title", self.title), ("digits", self.digits)]
        rows += [("faint", line) for line in self.lines]
        texts = "".join(
            f'<text class="{kind}" x="{x + 18}" y="{y + _TOP + _LINE * place}">'
            f"{escape(_clip(printable(text), most))}</text>"
            for place, (kind, text) in enumerate(rows)
        )
        return (
            f'<g class="{self.kind}"><rect x="{x}" y="{y}" width="{width}" height="{height}" '
            f'rx="6"/><rect class="bar" x="{x}" y="{y}" width="5" height="{height}" rx="2"/>'
            f"{texts}</g>\n"
        )


def draw(trace: Trace) -> str:
    """Return both drawings in one figure."""
    steps, beside = _cards(trace)
    label = _label(steps, beside)
    wide, tall = _wide(steps, beside), _tall(steps, beside)
    return (
        f'<figure class="graph">\n{_svg("wide", label, *wide)}{_svg("tall", label, *tall)}</figure>'
    )


def picture(trace: Trace, style: str) -> str:
    """Return the drawing from left to right as an SVG file that needs no page around it.

    Args:
        trace: what is drawn.
        style: of the page.
    """
    steps, beside = _cards(trace)
    width, height, drawn = _wide(steps, beside)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" viewBox="-8 -8 {width + 16:g} '
        f'{height + 16:g}" width="{width + 16:g}" style="font-family: system-ui, sans-serif" '
        f'role="img" aria-label="{_label(steps, beside)}">\n<style>\n{style}</style>\n'
        '<rect x="-8" y="-8" width="100%" height="100%" style="fill: var(--paper); stroke: none"/>'
        f"\n{drawn}</svg>\n"
    )


def _cards(trace: Trace) -> tuple[list[_Card], list[_Card]]:
    steps = [_of_fact(fact) for fact in reversed(facts.facts_of(trace))]
    return steps, [_scores(trace.provenance), _code(trace.provenance)]


def _label(steps: Sequence[_Card], beside: Sequence[_Card]) -> str:
    told = " from ".join(card.title for card in reversed(steps))
    code = printable(beside[1].digits)
    return escape(f"{told}; scores and commit {code} beside.", quote=True)


def _wide(steps: Sequence[_Card], beside: Sequence[_Card]) -> tuple[float, float, str]:
    scores, code = beside
    count = max(len(steps), 4)
    width = 200.0
    high = max((card.height for card in steps), default=0)
    lefts = [place * (width + _GAP) + 1 for place in range(count)]
    drawn = ""
    for place, card in enumerate(steps):
        drawn += card.at(lefts[place], 1, width, high)
        if place:
            drawn += _arrow([(lefts[place] - _GAP, 1 + high / 2), (lefts[place] - 1, 1 + high / 2)])
    names = [card.title for card in steps]
    below, lane = high + 68.0, high + 34.0
    low = max(scores.height, code.height)
    total = lefts[-1] + width + 1
    last = len(steps) - 1
    place = max(names.index("bundle") - 1, 0) if "bundle" in names else 0
    scores_x, wide = lefts[place], 2 * width + _GAP  # below model and bundle; the commit is left
    drawn += scores.at(scores_x, below, wide, low)
    drawn += code.at(lefts[0], below, wide, low)
    if "bundle" in names:
        x = lefts[names.index("bundle")] + width / 2
        drawn += _arrow([(x, high + 1), (x, below - 1)])
    if "split" in names:
        x = lefts[names.index("split")] + width / 2
        into = scores_x + width / 2
        drawn += _arrow([(x, high + 1), (x, lane), (into, lane), (into, below - 1)])
        drawn += _word(x + 10, lane - 6, "test side")
    bottom = below + low
    if "image" in names:
        x = lefts[last] + width / 2
        drawn += _arrow(
            [(scores_x + wide, below + low / 2), (x - 24, below + low / 2), (x - 24, high + 2)]
        )
        drawn += _word(scores_x + wide + 10, below + low / 2 - 6, "gate")
        from_x = lefts[0] + wide / 2
        drawn += _arrow(
            [(from_x, bottom), (from_x, bottom + 24), (x + 24, bottom + 24), (x + 24, high + 2)]
        )
        drawn += _word(from_x + 10, bottom + 18, "code")
        bottom += 26
    return total, bottom + 2, drawn


def _tall(steps: Sequence[_Card], beside: Sequence[_Card]) -> tuple[float, float, str]:
    scores, code = beside
    width, inset, total = 350.0, 44.0, 400.0
    y, drawn = 1.0, ""
    split: float | None = None
    names = [card.title for card in steps]
    for place, card in enumerate(steps):
        if place:
            drawn += _arrow([(24, y - _GAP), (24, y - 1)])
        drawn += card.at(1, y, width, card.height)
        middle = y + card.height / 2
        split = middle if card.title == "split" else split
        y += card.height + _GAP
        following = names[place + 1] if place + 1 < len(names) else None
        if card.title == "image" or following not in (None, "image"):
            continue
        above, joint = y - _GAP, 24.0  # scores and code stand between bundle and image
        y -= 8
        drawn += scores.at(inset, y, width - inset, scores.height)
        drawn += _arrow([(inset + 150, above), (inset + 150, y - 1)])
        if split is not None:
            lane, right = 376.0, y + scores.height / 2
            drawn += _arrow([(width + 1, split), (lane, split), (lane, right), (width + 2, right)])
        sides = [y + scores.height / 2]
        y += scores.height + 14
        drawn += code.at(inset, y, width - inset, code.height)
        sides.append(y + code.height / 2)
        y += code.height + _GAP
        if "image" in names:
            drawn += _arrow([(joint, above), (joint, y - 1)])
            drawn += "".join(_line([(inset, side), (joint, side)]) for side in sides)
    return total, y - _GAP + 2, drawn


def _of_fact(fact: facts.Fact) -> _Card:
    title = facts.TITLES.get(fact.name, fact.name)
    lines = (fact.measure, fact.making, fact.when, fact.who)
    return _Card("step", title, fact.short, tuple(line for line in lines if line))


def _scores(known: Provenance) -> _Card:
    found = Metrics.read(known.metrics)
    primary = {PRIMARY: METRICS[PRIMARY].title}
    ours = found.table({"model": ""}, primary)
    digits = f"{primary[PRIMARY]} {ours[0][1]}" if ours else facts.UNKNOWN
    titles = {key: of.title for key, of in BASELINES.items()}
    others = (f"{score} {title}" for title, score in found.table(titles, primary))
    return _Card("scores", "scores", digits, (*others, f"gate {found.gate or facts.UNKNOWN}"))


def _code(known: Provenance) -> _Card:
    files = facts.dirty_files(known)
    dirty = (f"and a patch of {len(files)} files",) if files else ()
    lines = (known.message, known.author, *dirty)
    digits = (known.commit or facts.UNKNOWN)[:12]
    return _Card("code", "commit", digits, tuple(line for line in lines if line))


def _svg(kind: str, label: str, width: float, height: float, drawn: str) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{label}">\n{drawn}</svg>\n'
    )


def _line(points: Sequence[tuple[float, float]]) -> str:
    path = "L".join(f"{x:g} {y:g}" for x, y in points)
    return f'<path class="edge" d="M{path}"/>\n'


def _arrow(points: Sequence[tuple[float, float]]) -> str:
    (x0, y0), (x, y) = points[-2:]
    across, down = (x > x0) - (x < x0), (y > y0) - (y < y0)
    left = (x - 8 * across - 4 * down, y - 8 * down + 4 * across)
    right = (x - 8 * across + 4 * down, y - 8 * down - 4 * across)
    tip = " ".join(f"{a:g},{b:g}" for a, b in ((x, y), left, right))
    return f'{_line(points)}<polygon class="head" points="{tip}"/>\n'


def _word(x: float, y: float, text: str) -> str:
    return f'<text class="faint" x="{x:g}" y="{y:g}">{escape(text)}</text>\n'


def _clip(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
