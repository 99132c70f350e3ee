"""`issuesum ingest`: check a CSV of issues and make it the raw data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from issuesum.cli.shared import json_option, path_option, print_json, source_argument, verb
from issuesum.layout import RAW


@verb(
    "issuesum ingest github_issues.csv # in place of what is there",
    "issuesum ingest --append https://example.com/november.csv.gz",
    "issuesum ingest issues.csv --json | jq .rejected # rows set aside, by reason",
)
@source_argument
@click.option("--append", is_flag=True, help="Keep the rows that are there; add the new ones.")
@click.option("--force", is_flag=True, help="Replace the output even if DVC has no copy of it.")
@path_option("-o", "--output", about="Where the raw data goes.", default=RAW)
@path_option("--rejects", about="Where unusable rows go.", default=Path("data/raw/rejects.csv"))
@json_option
def command(
    *, source: str, append: bool, force: bool, output: Path, rejects: Path, as_json: bool
) -> None:
    """Check a CSV of issues and make it the raw data, tracked by DVC.

    SOURCE is a file or an http(s):// or s3:// URL, gzipped or not, with the columns issue_url,
    issue_title and body; or JSON lines with these keys, as the server keeps of feedback. What was
    there before stays if SOURCE cannot be used.
    """
    from issuesum.console import reading_bar
    from issuesum.lineage import tracking
    from issuesum.training.corpus.ingest import ingest

    tracking.check_replaceable(output, append=append, force=force)
    with reading_bar("ingest") as watch:
        report = ingest(source, output, rejects, append=append, watch=watch)
    digest = tracking.track(output)
    if as_json:
        files = {"source": source, "file": str(output), "rejects": str(rejects), "md5": digest}
        print_json({**files, **asdict(report)})
        return
    once = "the split stage keeps each pair once"
    rejected = [f"{count:,} because of: {reason}" for reason, count in report.rejected.items()]
    for name, value in (
        ("read", f"{report.read:,} rows of {source}"),
        ("accepted", f"{report.accepted:,} rows"),
        ("rejected", f"{sum(report.rejected.values()):,} rows"),
        *(("", line) for line in rejected + [f"see {rejects}"] * bool(rejected)),
        ("repeated", f"{report.repeated:,} rows repeat an earlier (title, body); {once}"),
        ("without URL", f"{report.without_url:,} rows"),
        ("file", f"{output}, {report.earlier + report.accepted:,} rows"),
        ("md5", digest),
        ("next", "dvc repro"),
    ):
        click.echo(f"{name:<12} {value}")
