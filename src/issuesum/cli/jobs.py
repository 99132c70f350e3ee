"""`issuesum jobs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from issuesum.lineage.jobs import Job

_HEADER = (
    "stage", "output", "commit", "recorded in", "started (UTC)", "took", "rows", "in", "out",
    "state", "image or error",
)  # fmt: skip
_TO_THE_RIGHT = ("took", "rows", "in", "out")
_DIGITS = 12


@click.command(help="List the runs of stages, the newest first.")
@click.option("--stage", metavar="NAME", help="Only runs of this stage.")
@click.option("--image", metavar="REF", help="Only runs that led to registry/name:tag.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Lines at most; 0 is all.",
)
@click.option("--json", "as_json", is_flag=True, help="All that is known of them, as JSON.")
@click.option("--sync", is_flag=True, help="First exchange records with the DVC remote.")
def command(*, stage: str | None, image: str | None, limit: int, as_json: bool, sync: bool) -> None:
    from issuesum.errors import ArtifactError, ParamsError
    from issuesum.lineage.exchange import exchange
    from issuesum.lineage.jobs import led_to, list_jobs
    from issuesum.lineage.runs import RUNS, read_all
    from issuesum.params import STAGES

    if stage and stage not in STAGES:
        raise ParamsError(
            f"--stage must be a stage of dvc.yaml. Received: {stage}. Try: {', '.join(STAGES)}."
        )
    root = Path()
    if sync:
        exchanged = exchange(RUNS, root)
        click.echo(f"records: {exchanged.sent} sent, {exchanged.received} received", err=True)
    jobs = list_jobs(read_all(RUNS), root)
    if image:
        jobs = led_to(image, jobs)
        if not jobs:
            raise ArtifactError(
                f"--image must name an image of this history. Received: {image}. "
                "Try: issuesum jobs --stage export."
            )
    jobs = [job for job in jobs if stage in (None, job.stage)]
    shown = jobs[: limit or None]
    _print_json(shown) if as_json else _print_table(shown)
    if len(shown) < len(jobs):
        click.echo(f"note: {len(jobs) - len(shown):,} more, shown by -n 0", err=True)


def _print_json(jobs: list[Job]) -> None:
    import json
    from dataclasses import asdict

    values = [{**asdict(job), "output": job.output} for job in jobs]
    click.echo(json.dumps(values, ensure_ascii=False, indent=2))


def _print_table(jobs: list[Job]) -> None:
    from issuesum.terminal import printable

    rows = [_HEADER, *(tuple(map(printable, _cells(job))) for job in jobs)]  # of others, too
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if name in _TO_THE_RIGHT else cell.ljust(width)
            for name, cell, width in zip(_HEADER, row, widths, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _cells(job: Job) -> tuple[str, ...]:
    commit = (job.commit or "-")[:_DIGITS] + ("-dirty" if job.dirty else "")
    when = job.time[:16].replace("T", " ")
    return (
        job.stage,
        (job.output or "-")[:_DIGITS],
        commit,
        (job.recorded or "-")[:_DIGITS],
        when if job.started else f"by {when}",
        "-" if job.seconds is None else _duration(job.seconds),
        "-" if job.rows is None else f"{job.rows:,}",
        _size(job.bytes_in),
        _size(job.bytes_out),
        job.state,
        job.image or job.error or "",
    )


def _duration(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _size(count: int | None) -> str:
    if count is None:
        return "-"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
