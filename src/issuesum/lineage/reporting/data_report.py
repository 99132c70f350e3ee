"""The data report: a page for people and CSVs for `dvc plots`."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from markupsafe import Markup

from issuesum.lineage.reporting import html, plots
from issuesum.training.corpus.profile import BINS, DataProfile, FieldProfile


def write_report(folder: Path, profile: DataProfile) -> None:
    """Write report.html, lengths.csv, growth.csv and languages.csv; equal profiles, equal bytes.

    The page needs no other file and no network. Of the CSVs, the first column is for the x axis:
    lengths.csv has the shares of texts of that many words up to the next row's number, growth.csv
    the distinct words in that many issues of the training split, languages.csv the share of bodies.
    """
    (folder / "report.html").write_text(_page(profile), encoding="utf-8")
    body, title = profile.body, profile.title
    shares = zip(BINS, _shares(body.histogram), _shares(title.histogram), strict=True)
    _write(folder / "lengths.csv", ("words", "body", "title"), shares)
    growth = zip(body.growth, title.growth, strict=True)  # after the same shards
    rows = ((issues, of_body, of_title) for (issues, of_body), (_, of_title) in growth)
    _write(folder / "growth.csv", ("issues", "body", "title"), rows)
    _write(folder / "languages.csv", ("language", "share"), profile.languages.shares.items())


def _page(profile: DataProfile) -> str:
    drift = profile.drift
    fields = {"Bodies": profile.body, "Titles": profile.title}
    before = {"Bodies": drift.body.histogram_before, "Titles": drift.title.histogram_before} \
        if drift else {}  # fmt: skip
    return html.page(
        "templates/data_report.html",
        title="Data report",
        profile=profile,
        lengths={name: _lengths(name, of, before.get(name, ())) for name, of in fields.items()},
        growth={name: _growth(name, of, profile.rows.train) for name, of in fields.items()},
    )


def _lengths(name: str, field: FieldProfile, before: Sequence[int]) -> Markup:
    last = max(place for of in (field.histogram, before) for place, count in enumerate(of) if count)
    now, earlier = (
        [100 * share for share in _shares(of)[: last + 1]] for of in (field.histogram, before)
    )
    powers = [place for place in range(last + 1) if BINS[place].bit_count() <= 1]
    return plots.bars(
        f"lengths of {name}",
        f"{name} have {field.words_median:,} words in the median, {field.words_p95:,} at the "
        "95th percentile.",
        now,
        earlier,
        ticks={place: f"{BINS[place]}{'+' * (place == len(BINS) - 1)}" for place in powers},
        below="words",
        unit=" %",
    )


def _growth(name: str, field: FieldProfile, issues: int) -> Markup:
    label = f"{field.distinct:,} distinct words in {issues:,} issues."
    curve = ((0, 0), *field.growth)
    return plots.lines(f"growth of {name}", label, [curve], [], below="issues", from_zero=True)


def _shares(histogram: Sequence[int]) -> list[float]:
    return [round(count / sum(histogram), 6) for count in histogram]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
