"""`issuesum diff`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from issuesum.cli import shared

if TYPE_CHECKING:
    from issuesum.lineage.provenance.lookup import Found
    from issuesum.lineage.reporting.image_difference import ImageDifference
    from issuesum.lineage.reporting.issue_difference import TitleDifference
    from issuesum.serving.inference.writer import TitleWriter

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
@shared.json_option
def command(
    *,
    old: str,
    new: str,
    issues: int,
    no_rows: bool,
    source: str | None,
    no_titles: bool,
    as_json: bool,
) -> None:
    """Show what changed from image REF1 to image REF2.

    Each is registry/name:tag, a tag or digest alone, or a receipt, and is read from its registry.
    Rows and code are looked up in the repository around the current folder, if available.
    """
    from issuesum.errors import ParamsError
    from issuesum.lineage.provenance.lookup import look_up
    from issuesum.lineage.reporting.image_difference import compare_images
    from issuesum.lineage.reporting.text_rendering import lines_of

    if source and no_titles:
        raise ParamsError("--on must go without --no-titles. Received: both. Try: one of them.")
    default = shared.default_repository()
    before, after = look_up(old, default=default), look_up(new, default=default)
    found = compare_images(before, after, root=Path(), examples=issues, rows=not no_rows)
    found = _with_titles(found, before, after, source, wanted=not no_titles)
    if as_json:
        shared.print_json(asdict(found))
    else:
        click.echo("\n".join(lines_of(found)))


def _with_titles(
    found: ImageDifference, old: Found, new: Found, source: str | None, *, wanted: bool
) -> ImageDifference:
    from issuesum.errors import ArtifactError
    from issuesum.lineage.reporting.image_difference import same_bundle

    if not wanted:
        return replace(found, no_titles="not compared: --no-titles")
    if same_bundle(old, new):
        return replace(found, no_titles="the same: both images carry the same bundle")
    try:
        return replace(found, titles=_titles(_writer(old), _writer(new), source))
    except ArtifactError as error:  # a model of another time; all else can still be compared
        return replace(found, no_titles=f"not compared: {error}")


def _writer(found: Found) -> TitleWriter:
    from issuesum.registry.client import Registry
    from issuesum.registry.image import remote_model
    from issuesum.serving.inference.writer import TitleWriter

    image = found.image
    with remote_model(Registry(image.reference.host), image) as folder:
        return TitleWriter.tried(folder, of=str(image.reference))


def _titles(old: TitleWriter, new: TitleWriter, source: str | None) -> TitleDifference:
    from issuesum.lineage.reporting.issue_difference import compare_titles, fixed_issues
    from issuesum.training.corpus.reading import Form
    from issuesum.training.corpus.sources import read_source

    if source is None:
        return compare_titles(fixed_issues(), old, new, examples=_PAIRS)
    issues = read_source(source, Form(columns=("body",)))
    return compare_titles(issues, old, new, examples=_PAIRS)
