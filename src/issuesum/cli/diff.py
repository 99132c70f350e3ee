"""`issuesum diff`."""

from dataclasses import asdict, replace
from pathlib import Path

import click

from issuesum.cli import shared

_PAIRS = 10


@shared.verb(
    "issuesum diff 65d6a54a8790-59acd52619a2 0676567ab7e1-59acd52619a2",
    "issuesum diff OLD NEW --on issues.csv # titles for your own issues",
    "issuesum diff OLD NEW --no-titles --no-rows # quick: downloads no model",
)
@shared.image_argument("old", "REF1")
@shared.image_argument("new", "REF2")
@shared.count_option("--issues", default=3, low=0, about="Added and removed rows to list.")
@click.option("--no-rows", is_flag=True, help="Do not read the raw data.")
@click.option(
    "--on", "source", metavar="SOURCE", shell_complete=shared.complete_file,
    help="CSV or JSON lines of issues to title.",
)  # fmt: skip
@click.option("--no-titles", is_flag=True, help="Do not download the models.")
def command(
    *, old: str, new: str, issues: int, no_rows: bool, source: str | None, no_titles: bool,
) -> None:  # fmt: skip
    """Show what changed from image REF1 to image REF2.

    Each is registry/name:tag, a tag or digest alone, or a receipt, and is read from its registry.
    Rows and code are looked up in the repository around the current folder, if available.
    """
    from issuesum.errors import ArtifactError, ParamsError
    from issuesum.lineage.provenance.lookup import look_up
    from issuesum.lineage.reporting import image_difference as difference
    from issuesum.lineage.reporting.html import render_text
    from issuesum.lineage.reporting.live_comparison import writer_of
    from issuesum.training.corpus.reading import Form
    from issuesum.training.corpus.sources import read_source

    if source and no_titles:
        raise ParamsError("--on must go without --no-titles. Received: both. Try: one of them.")
    default = shared.default_repository()
    before, after = look_up(old, default=default), look_up(new, default=default)
    found = difference.compare_images(before, after, root=Path(), examples=issues, rows=not no_rows)
    if no_titles:
        found = replace(found, no_titles="not compared: --no-titles")
    elif difference.same_hash(before.provenance, after.provenance, "bundle"):
        found = replace(found, no_titles="the same: both images carry the same bundle")
    else:
        try:
            writers = writer_of(before.image), writer_of(after.image)
            form = Form(columns=("body",))
            rows = read_source(source, form) if source else difference.fixed_issues()
            titles = difference.compare_titles(rows, *writers, examples=_PAIRS)
            found = replace(found, titles=titles)
        except ArtifactError as error:  # a model of another time; all else can still be compared
            found = replace(found, no_titles=f"not compared: {error}")
    text = render_text("templates/difference.txt", of=found).rstrip("\n")
    shared.show(asdict(found), text)
