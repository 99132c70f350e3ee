"""`issuesum report`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from issuesum.cli.shared import examples, json_option, print_json, say_missing

_FOLDER = Path("eval/report")


@click.command(
    "report",
    epilog=examples(
        "issuesum report # the working tree against HEAD",
        "issuesum report HEAD # a commit against its parent",
        "issuesum report --base main --json | jq -r .verdict # better, worse, even, …",
    ),
)
@click.argument("revision", metavar="[REV]", required=False)
@click.option(
    "--base",
    metavar="REV",
    help="What it is compared with: HEAD, or the parent of REV, if left out.",
)
@click.option(
    "--markdown",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_FOLDER / "report.md",
    show_default=True,
    help="Where the text for a comment on a pull request goes.",
)
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_FOLDER / "report.html",
    show_default=True,
    help="Where a page goes that needs no other file and no network.",
)
@click.option(
    "--resamples",
    metavar="N",
    type=click.IntRange(1_000, 10_000),
    default=2_000,
    show_default=True,
    help="How often the bootstrap resamples that gives the intervals.",
)
@json_option
def command(
    *,
    revision: str | None,
    base: str | None,
    markdown: Path,
    html: Path,
    resamples: int,
    as_json: bool,
) -> None:
    """Tell a reviewer what a change of the model means.

    The model of the working tree, or of the commit REV, is compared with a base: data, params,
    scores with confidence intervals, training, titles, hashes.
    """
    from issuesum.lineage.reporting import wording
    from issuesum.lineage.reporting.model_report import write_report

    found = write_report(
        Path(), revision, base, as_markdown=markdown, as_page=html, resamples=resamples
    )
    say_missing(wording.missing(found))
    verdict, sentence = wording.verdict(found)
    if as_json:
        figures = {name: asdict(figure) for name, figure in found.figures.items()}
        print_json(
            {
                "compared": wording.heading(found),
                "verdict": verdict,
                "sentence": sentence,
                "gate": wording.gate(found),
                "scores": figures,
                "markdown": str(markdown),
                "html": str(html),
                "missing": wording.missing(found),
            }
        )
        return
    click.echo(f"{wording.heading(found)}\n{sentence}\n{wording.gate(found)}")
    click.echo(f"{'markdown':<12} {markdown}\n{'html':<12} {html}")
