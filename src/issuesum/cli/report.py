"""`issuesum report`."""

from dataclasses import asdict
from pathlib import Path

import click

from issuesum.cli import shared
from issuesum.layout import REPORT_MARKDOWN, REPORT_PAGE


@shared.verb(
    "issuesum report # working tree vs. HEAD",
    "issuesum report HEAD # HEAD vs. its parent",
    "issuesum report --base main --json | jq -r .verdict # better, worse, …",
)
@click.argument("revision", metavar="[REV]", required=False)
@click.option("--base", metavar="REV", help="Compare with this.  [default: HEAD, or REV's parent]")
@shared.path_option("--markdown", default=REPORT_MARKDOWN, about="Comment for a pull request.")
@shared.path_option("--html", default=REPORT_PAGE, about="Self-contained page.")
@shared.count_option(
    "--resamples", default=2_000, low=1_000, high=10_000, about="Bootstrap resamples of intervals."
)
def command(
    *, revision: str | None, base: str | None, markdown: Path, html: Path, resamples: int,
) -> None:  # fmt: skip
    """Summarise a change of the model for a reviewer.

    The model of the working tree, or of the commit REV, is compared with a base: data, params,
    scores with confidence intervals, training, titles, hashes.
    """
    from issuesum.lineage.reporting import wording
    from issuesum.lineage.reporting.model_report import write_report

    found = write_report(
        Path(), revision, base, as_markdown=markdown, as_page=html, resamples=resamples
    )
    shared.say_missing(wording.missing(found))
    verdict, sentence = wording.verdict(found)
    document = {
        "compared": wording.heading(found), "verdict": verdict, "sentence": sentence,
        "gate": wording.gate(found),
        "scores": {name: asdict(figure) for name, figure in found.figures.items()},
        "markdown": str(markdown), "html": str(html), "missing": wording.missing(found),
    }  # fmt: skip
    said = wording.heading(found), sentence, wording.gate(found)
    files = f"{'markdown':<12} {markdown}", f"{'html':<12} {html}"
    shared.show(document, *said, *files)
