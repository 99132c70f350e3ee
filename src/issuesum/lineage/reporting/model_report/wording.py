"""What both the Markdown and the HTML of a report say in the same words."""

from __future__ import annotations

from issuesum.lineage.metrics import Metrics
from issuesum.lineage.reporting.model_report.comparison import (
    Comparison,
    Figure,
    shown_metrics,
)
from issuesum.lineage.reporting.model_report.side import Side
from issuesum.lineage.reporting.model_report.titles import Titles
from issuesum.training.evaluation.baselines import BASELINES
from issuesum.training.evaluation.bootstrap import Interval

_MINUS = "\N{MINUS SIGN}"
DIGITS = 12
"""Of a hash that a person is shown."""
SCALE = "F1 and BLEU times 100, on issues that training never saw; in brackets 95 % intervals."


def heading(of: Comparison) -> str:
    """Return what is compared with what."""
    if of.before is None:
        return f"{of.now.name}: first model"
    return f"{of.now.name}, compared with {of.before.name}"


def verdict(of: Comparison) -> tuple[str, str]:
    """Return better, worse, even, first or unknown, and the sentence that says so."""
    name, shown = next(iter(shown_metrics().items()))
    figure = of.figures[name]
    if figure.before is None:
        return "first", f"First model: {shown} is {score(figure.now)}."
    change = f"{shown} goes from {value(figure.before):.2f} to {value(figure.now):.2f}"
    if figure.difference is None:
        return "unknown", f"{change}; whether by chance cannot be told without single scores."
    if not _moves(figure.difference):
        return "even", f"{shown} stays at {value(figure.now):.2f}: the titles score the same."
    change = f"{change} ({signed(figure.difference)})"
    if not figure.difference.excludes_zero:
        return "even", f"{change}: the difference is not larger than chance."
    kind = "better" if figure.difference.value > 0 else "worse"
    return kind, f"{change}: the difference is larger than chance."


def chance(figure: Figure) -> str:
    """Return how to read one difference, in a word or three."""
    if figure.difference is None:
        return ""
    if not _moves(figure.difference):
        return "equal"
    if not figure.difference.excludes_zero:
        return "within chance"
    return "better" if figure.difference.value > 0 else "worse"


def gate(of: Comparison) -> str:
    """Return the gate's verdict."""
    if of.now.refused:
        return f"The gate refuses this model: {of.now.refused}."
    result = Metrics.read(of.now.metrics).gate
    if result and result.passed:
        return "The gate is passed."
    return f"The gate refuses this model: {'; '.join(result.reasons) if result else 'unknown'}."


def value(of: Interval | float) -> float:
    """Return the score without its interval."""
    return of.value if isinstance(of, Interval) else of


def score(of: Interval | float | None) -> str:
    """Write a score with its interval, `22.01 (20.10 to 24.09)`."""
    if isinstance(of, Interval):
        return f"{of.value:.2f} ({of.low:.2f} to {of.high:.2f})"
    return "" if of is None else f"{of:.2f}"


def signed(of: Interval) -> str:
    """Write a difference with its interval, `+0.78, 95 % interval +0.02 to +1.50`."""
    return f"{of.value:+.2f}, 95 % interval {of.low:+.2f} to {of.high:+.2f}".replace("-", _MINUS)


def number(difference: float) -> str:
    """Write a difference without its interval."""
    return f"{difference:+.2f}".replace("-", _MINUS)


def change(figure: Figure) -> str:
    """Write what a table says of a difference, `+0.78 (+0.02 to +1.50)`."""
    of = figure.difference
    if of is None:
        plain = value(figure.now) - value(figure.before) if figure.before is not None else 0.0
        return number(plain)
    return f"{of.value:+.2f} ({of.low:+.2f} to {of.high:+.2f})".replace("-", _MINUS)


def against_baselines(of: Comparison) -> list[str]:
    """Say by how much the model beats what costs nothing."""
    return [
        f"Against the {BASELINES[name].title}: ROUGE-L {signed(difference)}."
        for name, difference in of.baselines.items()
    ]


def titles_changed(titles: Titles) -> str:
    """Say how many titles are other than before."""
    same = titles.differing - titles.better - titles.worse
    return (
        f"{titles.differing:,} of {titles.common:,} titles differ from before: {titles.better:,} "
        f"score higher, {titles.worse:,} lower, {same:,} the same."
    )


def rows(of: Comparison) -> list[tuple[str, int | None, int]]:
    """Return name, number before and number now of what became of the rows."""
    before = rows_of(of.before)
    return [(name, before.get(name), count) for name, count in rows_of(of.now).items()]


def rows_of(side: Side | None) -> dict[str, int]:
    """Return what became of the rows of one side, or nothing if it does not say."""
    split = side.split if side else None
    if not split:
        return {}
    return {
        "raw rows": split.rows,
        "rejected": sum(split.rejected.values()),
        "repeat an earlier one": split.repeated,
        "train": split.train,
        "validation": split.validation,
        "test": split.test,
    }


def artefacts(side: Side) -> list[tuple[str, str, str | None]]:
    """Return stage, path and hash of every output, from raw data on."""
    return [
        (name, path, side.hashes.get(path))
        for name, paths in side.graph.nodes.items()
        for path in paths
    ]


def hashes(of: Comparison) -> list[tuple[str, str, str | None, str | None]]:
    """Return stage, path, hash before and hash now of every output, from raw data on."""
    before = of.before.hashes if of.before else {}
    return [
        (stage, path, _digits(before.get(path)), _digits(digest))
        for stage, path, digest in artefacts(of.now)
    ]


def times(of: Comparison) -> list[tuple[str, str, float]]:
    """Return stage, start and seconds of the last run of each stage on this machine."""
    return [
        (name, str(run["started"])[:16].replace("T", " "), float(run.get("seconds") or 0))
        for name in of.now.graph.nodes
        if (run := of.now.runs.get(name))
    ]


def missing(of: Comparison) -> tuple[str, ...]:
    """Return what could not be read on either side."""
    return of.now.missing + (of.before.missing if of.before else ())


def _moves(difference: Interval) -> bool:
    return any((difference.value, difference.low, difference.high))


def _digits(digest: str | None) -> str | None:
    return digest[:DIGITS] if digest else None
