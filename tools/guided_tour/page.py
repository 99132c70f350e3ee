"""The tour as a page: prose, commands, what they said, and how long it took."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Sequence

from guided_tour.house import House
from guided_tour.script import SHOWN, Check
from guided_tour.walk import Happened, Told, Walked

_HEAD = """# The tour

<!-- Written by `make tour TRANSCRIPT=docs/tour.md`. To change it, edit tools/guided_tour/tour.md. -->

The walk-through of the 2018 example, with what is here: from a fresh clone to a model in an image, to a newer one, and back. `make tour` does all of it on your machine, in a folder and with servers of its own, looks whether each ✓ is so, and takes everything away again. This page is what it said. Paths, ports and the host's name are replaced; `…` says that a command said more than is shown.
"""  # noqa: E501 -- a paragraph of Markdown is a line
_STAGES = {
    "split": ("2 min", "2 s"),
    "preprocess": ("2 min", "7 s"),
    "train": ("2 min", "28 s"),
    "build": ("53 s", "29 s"),
    "evaluate": ("not there", "not there"),
    "export": ("15 min", "unfinished after 4 min"),
}
"""What the example's README says that its stages took, on 200 issues and after an update."""


def times(house: House, walked: Sequence[Walked]) -> str:
    """Return two tables: times of stages beside those that the example published, and of steps."""
    from issuesum.layout import RUNS
    from issuesum.lineage.runs import record as runs

    took: dict[str, list[float]] = {stage: [] for stage in _STAGES}
    records = runs.read_all(house.folder / "titles" / RUNS)
    for run in sorted(records, key=lambda run: run.started):
        took[run.stage].append(run.seconds or 0.0)
    rows = [
        f"| {stage} | {first} | {seconds[0]:.1f} s | {update} | {seconds[1]:.1f} s |"
        for stage, (first, update) in _STAGES.items()
        if len(seconds := took[stage]) > 1
    ]
    steps = [
        f"| {number}. {step.title} | {step.seconds:.0f} s |"
        for number, step in enumerate(walked, start=1)
    ]
    together = f"| together | {sum(step.seconds for step in walked):.0f} s |"
    return "\n".join(
        [
            "| stage | 2018, 200 issues | here, 800 issues | 2018, after an update | here |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "| step | took |",
            "|---|---|",
            *steps,
            together,
        ]
    )


def render(house: House, walked: Sequence[Walked], table: str) -> str:
    """Return the page in Markdown."""
    parts = [_HEAD]
    for number, step in enumerate(walked, start=1):
        parts.append(f"## {number}. {step.title}\n")
        for _, group in itertools.groupby(step.happened, type):
            parts.append(_block(list(group)))
    parts.append(f"## How long it took\n\n{table}\n")
    return tidy("\n".join(parts), house)


def _block(group: Sequence[Happened]) -> str:
    """Return what is of one kind and stands together; commands share one block."""
    lines = []
    for part in group:
        match part:
            case Told():
                lines += [f"$ {part.command.text}", *_shown(part)]
            case Check():
                lines.append(f"✓ {part.says}\n")
            case _:
                lines.append(f"{part}\n")
    text = "\n".join(lines)
    return f"```console\n{text}\n```\n" if isinstance(group[0], Told) else text


def _shown(told: Told) -> list[str]:
    lines = told.output.splitlines()
    kept = [line for line in lines if SHOWN[told.command.shown].search(line)]
    return kept if len(kept) == len(lines) else [*kept, "…"]


def tidy(text: str, house: House) -> str:
    """Put names for paths and the host of this machine, and usual ports for random ones."""
    services = house.services()
    for found, name in {
        str(house.folder): "/home/ada/tour",
        str(house.project): "/home/ada/issuesum",
        f"@ {socket.gethostname()}": "@ box",
        f"127.0.0.1:{house.port}": "127.0.0.1:9000",
        f"--port {house.port}": "--port 9000",
        services.get("ISSUESUM_REGISTRY", ""): "localhost:5000",
        services.get("AWS_ENDPOINT_URL_S3", ""): "http://127.0.0.1:8333",
    }.items():
        text = text.replace(found, name) if found else text
    return "\n".join(line.rstrip() for line in text.split("\n"))
