"""`issuesum ingest`: check issues and make them the raw data."""

from dataclasses import asdict
from pathlib import Path

import click

from issuesum.cli import shared
from issuesum.layout import RAW


@shared.verb(
    "issuesum ingest github_issues.csv # replaces current data",
    "issuesum ingest --append https://example.com/november.csv.gz",
    "gh issue list --json title,body,url | issuesum ingest --append -",
    "issuesum ingest --merge # data of two branches",
    "issuesum ingest issues.csv --json | jq .rejected # rejects, by reason",
)
@click.argument("sources", metavar="SOURCE...", nargs=-1, shell_complete=shared.complete_file)
@click.option("--append", is_flag=True, help="Keep existing rows and add new ones.")
@click.option("--merge", is_flag=True, help="Merge the rows of both sides of a Git conflict.")
@shared.columns_option
@shared.separator_option
@click.option("--force", is_flag=True, help="Replace the output even if DVC has no copy of it.")
@shared.path_option("-o", "--output", about="Where the raw data goes.", default=RAW)
@shared.path_option(
    "--rejects", about="Where unusable rows go.", default=Path("data/raw/rejects.csv")
)
def command(
    *, sources: tuple[str, ...], append: bool, merge: bool, columns: dict[str, str],
    separator: str | None, force: bool, output: Path, rejects: Path,
) -> None:  # fmt: skip
    """Validate issues and store them as the raw data, tracked by DVC.

    SOURCE is a file, an http(s):// or s3:// URL, or - for standard input: CSV, JSON (lines or
    arrays, as gh and GitHub's API write them) or Parquet, packed by gzip, bzip2, xz or Zstandard
    or as the only file of a ZIP archive. If a SOURCE cannot be used, the existing data is kept.
    --append skips rows that already exist (equal in every column).
    """
    from issuesum.console import bar
    from issuesum.lineage import tracking
    from issuesum.lineage.dvc import stored_file
    from issuesum.training.corpus.ingest import ingest
    from issuesum.training.corpus.reading import Form

    if merge == bool(sources) or (merge and append):
        raise click.UsageError("Give one SOURCE or more, or --merge alone.")
    source, after = ", ".join(sources), None
    if merge:
        mine, other = (stored_file(Path(), md5) for md5 in tracking.sides(output))
        source, sources, after = f"their side of {output}.dvc", (str(other),), mine
    with tracking.updating(output, append=append, force=force, merging=merge) as update:
        if append:
            after = update.present
        with bar("ingest") as shown:
            report = ingest(
                sources, output, rejects, form=Form(names=columns, separator=separator),
                after=after, replacing=update.replacing, shown=shown,
            )  # fmt: skip
    digest = update.md5
    files = {"source": source, "file": str(output), "rejects": str(rejects), "md5": digest}
    once = "the split stage keeps each pair once"
    details = [f"{count:,} because of: {reason}" for reason, count in report.rejected.items()]
    if details:
        details.append(f"see {rejects}")
    lines = [
        ("read", f"{report.read:,} rows of {source}"),
        ("accepted", f"{report.accepted:,} rows"),
        *[("present", f"{report.present:,} rows were there already")] * bool(report.present),
        ("rejected", f"{sum(report.rejected.values()):,} rows"),
        *(("", line) for line in details),
        ("repeated", f"{report.repeated:,} rows repeat an earlier (title, body); {once}"),
        ("without URL", f"{report.without_url:,} rows"),
        ("file", f"{output}, {report.earlier + report.accepted:,} rows"),
        ("md5", digest),
        ("next", "git commit -a, then issuesum retrain --no-push or dvc repro"),
    ]
    text = (f"{name:<12} {value}" for name, value in lines)
    shared.show({**files, **asdict(report)}, *text)
