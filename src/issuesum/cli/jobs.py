"""`issuesum jobs`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from issuesum.cli import shared
from issuesum.console import duration, human_size, printable, say
from issuesum.errors import ArtifactError, ParamsError
from issuesum.layout import RUNS, read_stages

if TYPE_CHECKING:
    from issuesum.lineage.runs.jobs import Job

_HEADER = (
    "stage", "output", "commit", "recorded in", "started (UTC)", "took", "rows", "in", "out",
    "state", "image or error",
)  # fmt: skip
_TO_THE_RIGHT = ("took", "rows", "in", "out")
_LEFT_OUT = ("in", "out", "recorded in", "commit", "output")  # of a narrow terminal, in this order
_DIGITS = 12


@shared.verb(
    "issuesum jobs --stage train -n 5 # the last five",
    "issuesum jobs --image 0676567ab7e1-59acd52619a2 # of one image",
    "issuesum jobs --sync --json | jq '.[] | .stage, .state' # of the whole team",
)
@click.option(
    "--stage", metavar="NAME", shell_complete=shared.complete_stage, help="Only runs of this stage."
)
@click.option(
    "--image", metavar="REF", shell_complete=shared.complete_tag,
    help="Only runs that led to this image: registry/name:tag, or the tag alone.",
)  # fmt: skip
@shared.count_option("-n", "--limit", default=20, low=0, about="Number of runs; 0 shows all.")
@click.option("--sync", is_flag=True, help="First exchange records with the DVC remote.")
def command(*, stage: str | None, image: str | None, limit: int, sync: bool) -> None:
    from issuesum.lineage.runs.jobs import led_to, list_jobs
    from issuesum.lineage.runs.record import exchange, read_all

    if stage and (stages := read_stages(Path())) and stage not in stages:
        raise ParamsError(
            f"--stage must be a stage of dvc.yaml. Received: {stage}. Try: {', '.join(stages)}."
        )
    if sync:
        say("note", "records: {} sent, {} received".format(*exchange(RUNS, Path())))
    jobs = list_jobs(read_all(RUNS), Path())
    if image is not None:
        jobs = led_to(image, jobs)
        if not jobs:
            raise ArtifactError(
                f"--image must name an image of this history. Received: {image}. "
                "Try: issuesum jobs --stage export."
            )
    jobs = [job for job in jobs if stage in (None, job.stage)]
    shown = jobs[: limit or None]
    shared.show([job.as_json() for job in shown], *_table(shown))
    if len(shown) < len(jobs):
        say("note", f"{len(jobs) - len(shown):,} more, shown by -n 0")


def _table(jobs: list[Job]) -> Iterator[str]:
    rows = [_HEADER, *(tuple(map(printable, _cells(job))) for job in jobs)]  # of others, too
    columns = dict(zip(_HEADER, zip(*rows, strict=True), strict=True))
    width = get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    widths = {name: max(map(len, cells)) for name, cells in columns.items()}
    widths[_HEADER[-1]] = min(widths[_HEADER[-1]], 20)  # what is longer may be cut
    for name in _LEFT_OUT:
        if sum(widths.values()) + 2 * len(widths) > width:
            del widths[name]
    for place in range(len(rows)):
        cells = (
            columns[name][place].rjust(size if name in _TO_THE_RIGHT else 0).ljust(size)
            for name, size in widths.items()
        )
        yield "  ".join(cells)[:width].rstrip()


def _cells(job: Job) -> tuple[str, ...]:
    when = job.time[:16].replace("T", " ")
    return (
        job.stage,
        (job.output or "-")[:_DIGITS],
        (job.commit or "-")[:_DIGITS] + ("-dirty" if job.dirty else ""),
        (job.recorded or "-")[:_DIGITS],
        when if job.started else f"by {when}",
        "-" if job.seconds is None else duration(job.seconds),
        "-" if job.rows is None else f"{job.rows:,}",
        "-" if job.bytes_in is None else human_size(job.bytes_in),
        "-" if job.bytes_out is None else human_size(job.bytes_out),
        job.state,
        job.image or job.error or "",
    )
