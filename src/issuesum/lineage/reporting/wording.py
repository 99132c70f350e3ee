"""A comparison in the same words for Markdown, page and terminal."""

from collections.abc import Mapping

from issuesum.lineage.reporting.comparison import Figure, ModelComparison
from issuesum.lineage.reporting.html import signed
from issuesum.training.evaluation.baselines import BASELINES
from issuesum.training.evaluation.bootstrap import Interval
from issuesum.training.evaluation.metrics import METRICS, PRIMARY

_PRIMARY = METRICS[PRIMARY].title
SCALE = "F1 and BLEU times 100, on issues that training never saw; in brackets 95 % intervals."
EXPLAINED = " ".join(f"{of.title}: {of.about}." for of in METRICS.values() if of.about)


def heading(of: ModelComparison) -> str:
    """Return what is compared with what."""
    return f"{of.now.name}{f', compared with {of.before.name}' if of.before else ': first model'}"


def verdict(of: ModelComparison) -> tuple[str, str]:
    """Return better, worse, even, first or unknown, and a sentence about it."""
    figure, kind = of.figures[PRIMARY], chance(of.figures[PRIMARY])
    if figure.before is None:
        return "first", f"First model: {_PRIMARY} is {score(figure.now)}."
    before, now = (f"{value(part):.2f}" for part in (figure.before, figure.now))
    if figure.difference is None:
        change = f"{now} (unchanged)" if before == now else f"goes from {before} to {now}"
        reason = "there is no interval without scores of single titles"
        return "unknown", f"{_PRIMARY} {change}; {reason}."
    if kind == "equal":
        return "even", f"{_PRIMARY} {now} (unchanged): the titles score the same."
    rows = [side.metrics.test_rows or 0 for side in (of.now, of.before) if side]
    common = of.titles.common if of.titles else 0
    part = "" if common else ", on other issues"
    if min(rows) <= common < max(rows):  # then the difference is not that of the two scores
        part = f" on the {common:,} issues that both have"
    change = f"{_PRIMARY} goes from {before} to {now} ({with_interval(figure.difference)}{part})"
    if kind == "within chance":
        return "even", f"{change}: the difference is not larger than chance."
    return kind, f"{change}: the difference is larger than chance."


def chance(figure: Figure) -> str:
    """Return how to read one difference, in a word or two."""
    of = figure.difference
    if of is None:
        return ""
    if of.excludes_zero:
        gain = figure.better * of.value
        return "better" if gain > 0 else "worse" if gain < 0 else "differs"
    return "within chance" if any((of.value, of.low, of.high)) else "equal"


def gate(of: ModelComparison) -> str:
    """Return the gate's verdict."""
    result = of.now.metrics.gate
    if not of.now.refused and result and result.passed:
        return "The gate is passed."
    reason = of.now.refused or ("; ".join(result.reasons) if result else "unknown")
    return f"The gate refuses this model: {reason}."


def value(of: Interval | float) -> float:
    """Return the score without its interval."""
    return of.value if isinstance(of, Interval) else of


def score(of: Interval | float | None) -> str:
    """Write a score with its interval, `22.01 (20.10 to 24.09)`."""
    if isinstance(of, Interval):
        return f"{of.value:.2f} ({of.low:.2f} to {of.high:.2f})"
    return "" if of is None else f"{of:.2f}"


def with_interval(of: Interval) -> str:
    """Write a difference with its interval, `+0.78, 95 % interval +0.02 to +1.50`."""
    return f"{signed(of.value)}, 95 % interval {signed(of.low)} to {signed(of.high)}"


def change(figure: Figure) -> str:
    """Write a difference for a table, `+0.78 (+0.02 to +1.50)`."""
    if of := figure.difference:
        return f"{signed(of.value)} ({signed(of.low)} to {signed(of.high)})"
    return "" if figure.before is None else signed(value(figure.now) - value(figure.before))


def against_baselines(baselines: Mapping[str, Interval]) -> list[str]:
    """Return by how much the model beats each baseline."""
    return [
        f"Against the {BASELINES[name].title}: {_PRIMARY} {with_interval(of)}."
        for name, of in baselines.items()
    ]


def missing(of: ModelComparison) -> tuple[str, ...]:
    """Return what could not be read of either model."""
    return of.now.missing + (of.before.missing if of.before else ())
