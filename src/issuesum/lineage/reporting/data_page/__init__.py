"""The data report: a page for people and CSVs for `dvc plots`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from issuesum.lineage.reporting.data_page import sections
from issuesum.training.corpus.profile import BINS, DataProfile, FieldProfile


def write_report(folder: Path, profile: DataProfile) -> None:
    """Write report.html, lengths.csv, growth.csv and languages.csv; equal profiles, equal bytes.

    The page needs no other file and no network. Of the CSVs, the first column is for the x axis:
    lengths.csv has the shares of texts of that many words up to the next row's number, growth.csv
    the distinct words in that many issues of the train side, languages.csv the share of bodies.

    Args:
        folder: an existing folder.
        profile: what is reported.
    """
    (folder / "report.html").write_text(_page(profile), encoding="utf-8")
    shares = zip(BINS, _shares(profile.body), _shares(profile.title), strict=True)
    _write(folder / "lengths.csv", ("words", "body", "title"), shares)
    fields = zip(profile.body.growth, profile.title.growth, strict=True)  # after the same shards
    growth = ((issues, body, title) for (issues, body), (_, title) in fields)
    _write(folder / "growth.csv", ("issues", "body", "title"), growth)
    _write(folder / "languages.csv", ("language", "share"), profile.languages.shares.items())


def _page(profile: DataProfile) -> str:
    rows = profile.rows
    style = (
        files("issuesum.lineage.reporting.data_page")
        .joinpath("style.css")
        .read_text(encoding="utf-8")
    )
    parts = (
        sections.rows_section(profile),
        sections.lengths_section(profile),
        sections.vocabulary_section(profile),
        sections.languages_section(profile),
        sections.drift_section(profile.drift),
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Data report</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Data report</h1>\n<p>{rows.train + rows.validation + rows.test:,} distinct issues, "
        f"from {rows.read:,} rows.</p>\n" + "\n".join(parts) + "\n</main>\n</body>\n</html>\n"
    )


def _shares(field: FieldProfile) -> list[float]:
    texts = sum(field.histogram)
    return [round(count / texts, 6) for count in field.histogram]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
