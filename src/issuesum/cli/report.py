"""`issuesum report`."""

from __future__ import annotations

from pathlib import Path

import click

_FOLDER = Path("eval/report")


@click.command("report")
@click.argument("revision", metavar="[REV]", required=False)
@click.option(
    "--base",
    metavar="REV",
    help="What it is compared with: HEAD, or the parent of REV, if left out.",
)
@click.option(
    "--markdown",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_FOLDER / "report.md",
    show_default=True,
    help="For a comment on a pull request.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_FOLDER / "report.html",
    show_default=True,
    help="A page that needs no other file and no network.",
)
@click.option(
    "--resamples",
    type=click.IntRange(1_000, 10_000),
    default=2_000,
    show_default=True,
    help="Of the bootstrap that gives the intervals.",
)
def command(
    revision: str | None, base: str | None, markdown: Path, html: Path, resamples: int
) -> None:
    """Tell a reviewer what a change of the model means.

    The model of the working tree, or of the commit REV, is compared with a base: data, params,
    scores with confidence intervals, training, titles, hashes.
    """
    from issuesum.files import replacing_file
    from issuesum.report import markdown as comment
    from issuesum.report import page, revisions, wording
    from issuesum.report.comparison import compare
    from issuesum.report.side import read_side

    root = Path()
    reported, against = revisions.resolve(root, revision, base)
    before = read_side(root, against) if against else None
    params = revisions.params_difference(root, reported, against)
    found = compare(read_side(root, reported), before, params, resamples=resamples)
    for path, content in ((markdown, comment.render(found)), (html, page.render(found))):
        with replacing_file(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    click.echo(f"{wording.heading(found)}\n{wording.verdict(found)[1]}\n{wording.gate(found)}")
    for note in wording.missing(found):
        click.echo(f"not available here: {note}", err=True)
    click.echo(f"{'markdown':<12} {markdown}\n{'html':<12} {html}")
