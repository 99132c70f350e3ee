"""A difference as lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from issuesum.console import printable
from issuesum.lineage.reporting.difference.code import Code
from issuesum.lineage.reporting.difference.data import Data
from issuesum.lineage.reporting.difference.images import Difference
from issuesum.lineage.reporting.difference.packages import Packages
from issuesum.lineage.reporting.difference.titles import Titles
from issuesum.lineage.reporting.difference.values import Change, Metric

_WIDEST = 100
"""Characters of a title or a value."""
_BY = {
    "sbom": "by the SBOMs of both images",
    "requirements": "by serving/requirements.txt of both commits",
    "hash": "by their hashes alone",
}


def tell(difference: Difference) -> Iterator[str]:
    """Yield lines; what images and data say is made safe for a terminal."""
    old, new = difference.old, difference.new
    for sign, side in (("-", old), ("+", new)):
        yield f"{sign} {_safe(side.tag)}  ({_safe(side.created)}, {side.size / 1e6:.1f} MB)"
        yield f"  {_safe(side.image, 300)}"
    if old.image == new.image:
        yield "  the same image"
    for heading, lines in (
        ("data", _data(difference.data)),
        ("params", _changes(difference.params)),
        ("code", _code(difference.code)),
        ("packages", _packages(difference.packages)),
        ("metrics", _metrics(difference.metrics, difference.same_test)),
        ("titles", _titles(difference.titles, difference.no_titles)),
    ):
        yield ""
        yield heading
        for line in lines:
            yield f"  {line}"


def _data(data: Data) -> Iterator[str]:
    old, new = data.counted
    if data.same:
        yield "the same raw data" + ("" if new is None else f", {new:,} rows")
    elif data.rows:
        rows = data.rows
        yield f"{rows.added:,} issues added, {rows.removed:,} removed: {rows.old:,} → {rows.new:,}"
        yield from (f"+ {_safe(title)}" for title in rows.added_titles)
        yield from (f"- {_safe(title)}" for title in rows.removed_titles)
    else:
        if data.same is False:
            yield "other raw data"
        if old is not None and new is not None:
            yield f"{old:,} → {new:,} rows ({new - old:+,}), by what the images say of themselves"
        yield f"rows were not compared: {_safe(data.why_not, 300)}"


def _changes(changed: dict[str, Change]) -> Iterator[str]:
    if not changed:
        yield "none changed"
    width = max(map(len, changed), default=0)
    for name, change in changed.items():
        yield f"{_safe(name):{width}s}  {_value(change.old)} → {_value(change.new)}"


def _code(code: Code) -> Iterator[str]:
    yield f"{_safe(code.old, 200)} → {_safe(code.new, 200)}"
    yield from (_safe(line, 300) for line in code.missing)
    if code.stat == "":
        yield "nothing that makes an image differs between the commits"
    elif code.stat:
        yield from map(printable, code.stat.splitlines())


def _packages(packages: Packages) -> Iterator[str]:
    if packages.by is None:
        yield "neither SBOM nor commit nor hash tells"
        return
    if packages.same or not packages.changed:
        yield f"{'none' if packages.same else 'some'} changed, {_BY[packages.by]}"
        return
    yield f"{len(packages.changed):,} changed, {_BY[packages.by]}"
    yield from _changes(packages.changed)


def _metrics(metrics: dict[str, Metric], same_test: bool | None) -> Iterator[str]:
    if same_test is False:
        yield "on other test issues, so that the numbers are no measure of the change"
    elif same_test is None:
        yield "on test issues that may be others: an image does not name them"
    elif metrics:
        yield "on the same test side"
    width = max(map(len, metrics), default=0)
    for name, metric in metrics.items():
        old, new = _figure(metric.old), _figure(metric.new)
        by = "" if metric.difference is None else f"  {_figure(metric.difference, '+'):>8s}"
        yield f"{_safe(name):{width}s}  {old:>8s} → {new:>8s}{by}"


def _titles(titles: Titles | None, why_not: str) -> Iterator[str]:
    if titles is None:
        yield _safe(why_not, 300)
        return
    yield f"{titles.differing:,} of {titles.issues:,} differ"
    for pair in titles.pairs:
        yield f"- {_safe(pair.old)}"
        yield f"+ {_safe(pair.new)}"


def _figure(value: float | None, sign: str = "") -> str:
    if value is None:
        return "none"
    return f"{value:{sign},}" if isinstance(value, int) else f"{value:{sign}.2f}"


def _value(value: object) -> str:
    return "none" if value is None else _safe(str(value))


def _safe(text: str, widest: int = _WIDEST) -> str:
    """Return one line without what a terminal would obey."""
    folded = printable(" ".join(text.split()))
    return folded if len(folded) <= widest else f"{folded[: widest - 1]}…"
