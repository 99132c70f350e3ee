"""How many updates of a training fit into given seconds, told by a short run of its own."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

from issuesum.layout import FEATURES, SPEED
from issuesum.text.features import Shards
from project import Project, say

_UPDATES = 20
"""Between two validations of the short run."""
_VALIDATIONS = 5


@dataclass(frozen=True)
class Pace:
    """What a train stage takes, in seconds.

    Attributes:
        fixed: from start to end, for what is done once.
        update: for one batch.
        validation: for one, with what is done around it.
    """

    fixed: float
    update: float
    validation: float

    @classmethod
    def of(cls, moments: Sequence[float], *, updates: int, update: float) -> Self:
        """Tell it from a run.

        Args:
            moments: when the run began, when each validation was done, and when the run ended.
            updates: before each validation.
            update: seconds of one, as the run itself measured it.
        """
        began, *validated, ended = moments
        between = statistics.median(after - before for before, after in pairwise(validated))
        # The first period compiles what the others run, which is done once.
        once = (validated[0] - began - between) + (ended - validated[-1])
        return cls(max(0.0, once), update, max(0.0, between - updates * update))

    def updates(self, seconds: float, *, period: int) -> int:
        """Return how many updates, with a validation after each `period`, fit into `seconds`."""
        return max(1, int((seconds - self.fixed) / (self.update + self.validation / period)))


def updates_within(seconds: float, project: Project) -> int:
    """Return how many updates the project's train stage can make; trains a little to find out."""
    dials = project.params.train
    epoch = -(-len(Shards(project.folder / FEATURES / "train")) // dials.batch_size)
    pace = _measure(project, min(_UPDATES, epoch))
    updates = pace.updates(seconds, period=min(epoch, dials.eval_steps))
    say(f"{updates:,} updates are expected to take {seconds:.0f} s; {pace}")
    return updates


def _measure(project: Project, updates: int) -> Pace:
    """Train a little in a project of its own, noting when each validation is done."""
    probe = project.fork(
        "probe", {"train.eval_steps": updates, "train.max_steps": updates * _VALIDATIONS}
    )
    say(f"train, {updates * _VALIDATIONS} updates, in {probe.folder}")
    speeds: list[float] = []
    moments = [time.perf_counter()]
    process = probe.start("-m", "issuesum.stages.train", stdout=subprocess.DEVNULL)
    while process.poll() is None:
        time.sleep(0.02)
        speeds = read_speeds(probe.folder / SPEED)
        moments += [time.perf_counter()] * (1 + len(speeds) - len(moments))
    if process.returncode:
        sys.exit("train failed")
    moments.append(time.perf_counter())
    update = project.params.train.batch_size / statistics.median(speeds[1:])
    return Pace.of(moments, updates=updates, update=update)


def read_speeds(table: Path) -> list[float]:
    """Return the examples a second up to each validation that is done."""
    lines = table.read_text(encoding="utf-8").splitlines()[1:] if table.exists() else []
    return [float(line.split("\t")[1]) for line in lines]
