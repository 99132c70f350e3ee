"""What every stage has around it: params, one-line errors, and a note of how long it took."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from issuesum.errors import ArtifactError, IssuesumError
from issuesum.files import write_json
from issuesum.params import Params, Stage, load_params

RUNS = Path(".issuesum/runs")
"""One JSON a stage, of its last run; outside Git and DVC, since durations are no result."""


def run(stage: Stage, body: Callable[[Params], None]) -> None:
    """Run `body` with the checked params and end the process with the right exit code.

    With ISSUESUM_VERBOSE=1 in the environment a foreseeable failure shows its traceback, as the
    command line's `-v` does; `dvc repro` has no way to hand options on to a stage.
    """
    started = datetime.now(UTC)
    clock = time.monotonic()
    try:
        body(load_params())
    except (IssuesumError, OSError) as error:
        if os.environ.get("ISSUESUM_VERBOSE"):
            raise
        known = error if isinstance(error, IssuesumError) else _of_the_machine(error)
        print(f"error: {stage}: {known}", file=sys.stderr)
        sys.exit(known.exit_code)
    write_json(
        RUNS / f"{stage}.json",
        {
            "stage": stage,
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - clock, 2),
        },
    )


def _of_the_machine(error: OSError) -> ArtifactError:
    """Say what a full disk or a folder without permission means for a stage."""
    return ArtifactError(
        f"A stage must be able to read its inputs and write its outputs. Received: {error}. "
        "Try: check free space and permissions."
    )
