"""A report as one HTML page, without scripts and without a network."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from issuesum.lineage.reporting.model_report import sections, wording
from issuesum.lineage.reporting.model_report.comparison import Comparison, shown_metrics


def render(of: Comparison) -> str:
    """Return the page; equal comparisons give equal text."""
    style = "".join(
        files(package).joinpath("style.css").read_text(encoding="utf-8")
        for package in (
            "issuesum.lineage.reporting.data_page",
            "issuesum.lineage.reporting.model_report",
        )
    )
    kind, sentence = wording.verdict(of)
    parts = (
        sections.scores_section(of),
        sections.changes_section(of),
        sections.titles_section(of),
        sections.lengths_section(of),
        sections.training_section(of),
        sections.lineage_section(of),
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Model report</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>Model report</h1>\n<p class="faint">{escape(wording.heading(of))}</p>\n'
        f'<p class="verdict {kind}"><strong>{escape(sentence)}</strong> '
        f"{escape(wording.gate(of))}</p>\n{_tiles(of)}\n"
        + "\n".join(filter(None, parts))
        + "\n</main>\n</body>\n</html>\n"
    )


def _tiles(of: Comparison) -> str:
    name, shown = next(iter(shown_metrics().items()))
    figure = of.figures[name]
    tiles = [(f"{wording.value(figure.now):.2f}", f"{shown} now")]
    if figure.before is not None:
        tiles.append((wording.change(figure).split(" ")[0], f"{shown} against before"))
    if of.baselines:
        lead = wording.number(of.baselines["lead"].value)
        tiles.append((lead, f"{shown} against the first words of the body"))
    if of.titles and of.titles.common:
        share = of.titles.differing / of.titles.common
        tiles.append((f"{share:.0%}".replace("%", " %"), "of the titles are other than before"))
    inner = "".join(
        f"<div><dd>{escape(value)}</dd><dt>{escape(what)}</dt></div>" for value, what in tiles
    )
    return f'<dl class="tiles">{inner}</dl>'
