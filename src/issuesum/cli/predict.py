"""`issuesum predict`: write titles for a file of issues, without a server."""

from __future__ import annotations

import sys
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from issuesum.cli import shared
from issuesum.console import bar
from issuesum.errors import ParamsError
from issuesum.layout import BUNDLE

if TYPE_CHECKING:
    from issuesum.serving.inference.writer import TitleWriter
    from issuesum.training.evaluation.predicting import Format


@shared.verb(
    "issuesum predict new_issues.csv -o titles.csv",
    "cat new_issues.csv | issuesum predict - --format jsonl | jq -r .title",
    "issuesum predict issues.csv --image localhost:5000/issuesummarization:TAG",
)
@shared.source_argument
@shared.path_option("-o", "--output", about="Where the titles go.  [default: standard output]")
@click.option(
    "--format", "kind", type=click.Choice(["csv", "jsonl"]),
    help="Format of the output.  [default: the extension of --output, else csv]",
)  # fmt: skip
@click.option(
    "--bundle", metavar="DIR", type=click.Path(path_type=Path),
    help="Folder of the model.  [default: serving/bundle]",
)  # fmt: skip
@click.option(
    "--image", metavar="REF",
    help="Use the model of this image (registry/name:tag) instead; nothing from it is run.",
)  # fmt: skip
@shared.columns_option
@shared.separator_option
@shared.count_option("--batch-size", default=64, about="Bodies per batch.")
def command(
    *, source: str, output: Path | None, kind: Format | None, columns: dict[str, str],
    separator: str | None, bundle: Path | None, image: str | None, batch_size: int,
) -> None:  # fmt: skip
    """Write a title and its score for each of the issues in a file.

    SOURCE is CSV, JSON or Parquet, as `issuesum ingest` reads it: a file, an http(s):// or s3://
    URL, or - for standard input. It needs the column body; the URL is copied. A row that cannot
    be used has an empty title.
    """
    from issuesum.training.corpus.reading import Form
    from issuesum.training.corpus.sources import read_source
    from issuesum.training.evaluation.predicting import predictions, writing

    if bundle is not None and image is not None:
        raise ParamsError(
            "The model must come from one place. Received: --bundle and --image. Try: one of them."
        )
    if shared.wants_json() and not output:
        raise ParamsError(
            "--json must go with --output. Received: --json alone, and titles on standard output. "
            "Try: --format jsonl for the titles as JSON, one on a line."
        )
    if output:
        check_output(output, Path("/dev/stdin" if source == "-" else source))
    writer, form = _writer(bundle, image), Form(("issue_url", "body"), columns, separator)
    started, rows, titles = time.monotonic(), 0, 0
    hidden = output is None and sys.stdout.isatty()  # the titles are where the bar would be
    with bar("predict", hidden=hidden) as shown:
        found = predictions(read_source(source, form, shown=shown), writer, batch_size)
        first = next(found, [])  # what cannot be read fails before there is a header
        with writing(output, kind or format_of(output)) as write:
            for some in chain([first], found):
                write(some)
                rows += len(some)
                titles += sum(1 for one in some if one.title)
    seconds = time.monotonic() - started
    if shared.wants_json():
        counts = {"rows": rows, "titles": titles, "seconds": round(seconds, 3)}
        shared.print_json({"output": str(output), **counts})
        return
    speed = f"{seconds:.1f} s, {titles / seconds:,.1f} titles/s"
    click.echo(f"{rows:,} rows, {rows - titles:,} without a title, {speed}", err=True)


def format_of(output: Path | None) -> Format:
    """Return the format that the extension of `output` names; CSV for any other."""
    return "jsonl" if output and output.suffix.lower() == ".jsonl" else "csv"


def check_output(output: Path, source: Path) -> None:
    """Raise ParamsError if `output` must not be replaced, as it is the source."""
    if output.exists() and source.exists() and output.samefile(source):
        raise ParamsError(
            f"--output must be another file than the input. Received: {output} for both. "
            "Try: another --output."
        )


def _writer(bundle: Path | None, image: str | None) -> TitleWriter:
    if image is None:
        from issuesum.serving.inference.writer import TitleWriter

        return TitleWriter.tried((bundle or BUNDLE) / "model", of=str(bundle or BUNDLE))
    from issuesum.lineage.reporting.live_comparison import writer_of
    from issuesum.registry.client import Registry
    from issuesum.registry.image import read_image
    from issuesum.registry.reference import Reference

    reference = Reference.parse(image)
    return writer_of(read_image(Registry(reference.host), reference))
