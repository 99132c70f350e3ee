"""What a change of the model means: as Markdown that a pull request takes, and as a page."""

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from issuesum.errors import RepositoryError
from issuesum.layout import REPORT_MARKDOWN, REPORT_PAGE
from issuesum.lineage import git
from issuesum.lineage.dvc import params_diff
from issuesum.lineage.reporting import html, plots, wording
from issuesum.lineage.reporting.comparison import SHOWN, ModelComparison, compare
from issuesum.lineage.reporting.model_side import read_side
from issuesum.lineage.reporting.wording import score
from issuesum.training.evaluation.baselines import BASELINES
from issuesum.training.evaluation.metrics import METRICS, PRIMARY

LIMIT = 60_000
"""Characters of the Markdown; GitHub takes 65,536."""
_TEMPLATE = "templates/model_report.j2"
_SPARKS = "▁▂▃▄▅▆▇█"
_PLOTS = {
    "Loss": (("loss, validation", "loss, training"), "Nats per token; dashed: training."),
    "ROUGE-L": (("ROUGE-L, validation",), "Of greedy titles on the validation split."),
}


def write_report(
    root: Path, revision: str | None = None, base: str | None = None,
    *, as_markdown: Path = REPORT_MARKDOWN, as_page: Path = REPORT_PAGE, resamples: int = 2_000,
) -> ModelComparison:  # fmt: skip
    """Write what a change of the model means, as a comment and as a page.

    Without a `revision` it is the model of the working tree, without a `base` it is compared with
    HEAD or the parent of `revision`. ArtifactError: there are no scores. RepositoryError: there is
    no repository, or no such revision.
    """
    git.run(root, "rev-parse", "--git-dir")
    reported = _commit(root, revision) if revision else None
    try:
        against = _commit(root, base or (f"{reported}^" if reported else "HEAD"))
    except RepositoryError:
        if base:
            raise
        against = None  # nothing was committed before
    before, now = read_side(root, against) if against else None, read_side(root, reported)
    params = params_diff(before.params, now.params) if before else {}
    found = compare(now, before, params, resamples=resamples)
    html.write(root / as_markdown, to_markdown(found))
    html.write(root / as_page, to_page(found))
    return found


def to_markdown(of: ModelComparison) -> str:
    """Return the comment; it has fewer examples rather than more than `LIMIT` characters."""
    for shown in range(SHOWN, -1, -1):
        values = {**_values(of, shown), "lengths": "", "curves": (), "spark": _spark}
        if len(text := html.render_markdown(_TEMPLATE, **values)) < LIMIT:
            break
    return text


def to_page(of: ModelComparison) -> str:
    """Return the page; equal comparisons give equal text."""
    return html.page(
        _TEMPLATE,
        title="Model report",
        **_values(of, SHOWN),
        lengths=_lengths(of) if of.bins else "",
        curves=[plot for title in _PLOTS if (plot := _training(title, of))],
        spark=None,
    )


def _values(of: ModelComparison, shown: int) -> dict[str, object]:
    """Return what both renderings show, and so many examples of each kind."""
    groups = of.titles.groups if of.titles and shown else {}
    examples = {heading: group[:shown] for heading, group in groups.items() if group}
    tables = {"METRICS": METRICS, "PRIMARY": PRIMARY, "BASELINES": BASELINES}
    return {"of": of, "wording": wording, "examples": examples, **tables}


def _commit(root: Path, revision: str) -> str:
    must = f"{revision!r} must be a commit that this repository has"
    return git.commit_of(root, revision, must=must, advice="git fetch, or git log --oneline")


def _lengths(of: ModelComparison) -> Markup:
    return plots.bars(
        "lengths",
        "; ".join(f"{part.label} words: {score(part.now)}" for part in of.bins),
        [part.now.value for part in of.bins],
        [part.before for part in of.bins],
        ticks=dict(enumerate(part.label for part in of.bins)),
        below="words in the body",
        intervals=[(part.now.low, part.now.high) for part in of.bins],
    )


def _training(title: str, of: ModelComparison) -> tuple[str, Markup, str] | None:
    """Return title, plot and caption of the curves."""
    names, caption = _PLOTS[title]
    now, before = (
        [[(step + 1, value) for step, value in curves[name]] for name in names if name in curves]
        for curves in (of.now.curves, of.before.curves if of.before else {})
    )
    if not now:
        return None
    if before == now:  # one curve would hide the other
        before, caption = [], f"{caption} The same as before."
    label = f"{title} at {len(now[0])} validations, at last {now[0][-1][1]:.2f}."
    return title, plots.lines(f"curves of {title}", label, now, before, below="validation"), caption


def _spark(curve: Sequence[tuple[float, float]]) -> str:
    values = [value for _, value in curve]
    low = min(values, default=0)
    width = max(values, default=0) - low or 1
    return "".join(_SPARKS[round((value - low) / width * (len(_SPARKS) - 1))] for value in values)
