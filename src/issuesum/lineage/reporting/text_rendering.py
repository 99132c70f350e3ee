"""A difference of two images as lines for people, safe for any terminal."""

from __future__ import annotations

from collections.abc import Iterator

from issuesum.console import printable
from issuesum.lineage.provenance.params_diff import Change
from issuesum.lineage.reporting.image_difference import (
    CodeDifference,
    DataDifference,
    ImageDifference,
    PackageDifference,
)

_BY = {
    "sbom": "by the SBOMs of both images",
    "requirements": "by serving/requirements.txt of both commits",
    "hash": "by their hashes alone",
}


def lines_of(of: ImageDifference) -> Iterator[str]:
    """Yield lines; what images and data hold is made safe for a terminal."""
    for sign, side in (("-", of.old), ("+", of.new)):
        yield f"{sign} {_safe(side.tag)}  ({_safe(side.created)}, {side.size / 1e6:.1f} MB)"
        yield f"  {_safe(side.image, 300)}"
    if of.old.image == of.new.image:
        yield "  the same image"
    for heading, lines in (
        ("data", _data(of.data)),
        ("params", _changes(of.params) if of.params else ["none changed"]),
        ("code", _code(of.code)),
        ("packages", _packages(of.packages)),
        ("metrics", _metrics(of)),
        ("titles", _titles(of)),
    ):
        yield from ("", heading, *(f"  {line}" for line in lines))


def _data(data: DataDifference) -> Iterator[str]:
    (old, new), rows = data.counted, data.rows
    if data.same:
        yield "the same raw data" + ("" if new is None else f", {new:,} rows")
    elif rows:
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
    width = max(map(len, changed))
    for name, change in changed.items():
        old, new = ("none" if of is None else _safe(str(of)) for of in (change.old, change.new))
        yield f"{_safe(name):{width}s}  {old} → {new}"


def _code(code: CodeDifference) -> Iterator[str]:
    yield f"{_safe(code.old, 200)} → {_safe(code.new, 200)}"
    yield from (_safe(line, 300) for line in code.missing)
    if code.stat == "":
        yield "nothing that makes an image differs between the commits"
    yield from map(printable, (code.stat or "").splitlines())


def _packages(packages: PackageDifference) -> Iterator[str]:
    if packages.by is None:
        yield "unknown: neither SBOM nor commit nor hash shows it"
    elif not packages.changed:
        yield f"{'none' if packages.same else 'some'} changed, {_BY[packages.by]}"
    else:
        yield f"{len(packages.changed):,} changed, {_BY[packages.by]}"
        yield from _changes(packages.changed)


def _metrics(of: ImageDifference) -> Iterator[str]:
    if of.same_test is False:
        yield "on other test issues, so that the numbers are no measure of the change"
    elif of.same_test is None:
        yield "on test issues that may be others: an image does not name them"
    elif of.metrics:
        yield "on the same test split"
    width = max(map(len, of.metrics), default=0)
    for name, change in of.metrics.items():
        by = "" if change.difference is None else f"  {_figure(change.difference, '+'):>8s}"
        old, new = _figure(change.old), _figure(change.new)
        yield f"{_safe(name):{width}s}  {old:>8s} → {new:>8s}{by}"


def _titles(of: ImageDifference) -> Iterator[str]:
    if of.titles is None:
        yield _safe(of.no_titles, 300)
    else:
        yield f"{of.titles.differing:,} of {of.titles.issues:,} differ"
        for pair in of.titles.pairs:
            yield from (f"- {_safe(pair.old)}", f"+ {_safe(pair.new)}")


def _figure(value: float | None, sign: str = "") -> str:
    if value is None:
        return "none"
    return f"{value:{sign},}" if isinstance(value, int) else f"{value:{sign}.2f}"


def _safe(text: str, widest: int = 100) -> str:
    """Return one line without what a terminal would obey."""
    folded = printable(" ".join(text.split()))
    return folded if len(folded) <= widest else f"{folded[: widest - 1]}…"
