"""Other machines that a run was told to use."""

from __future__ import annotations

import logging

from issuesum.automation.doctor.finding import Finding, fail, note, ok
from issuesum.errors import one_line

_PATIENCE = 4
"""Seconds."""
_SET = "TF_CONFIG is set, which train checks against its workers"
_ALONE = "this machine alone: no TF_CONFIG, no Dask scheduler"


def cluster(scheduler: str | None, *, config: bool) -> Finding:
    """Ask the Dask scheduler for its workers.

    What TF_CONFIG must be is for train to say, as the model's code reads it.

    Args:
        scheduler: its address, or None.
        config: whether TF_CONFIG is set.
    """
    found = []
    if scheduler:
        workers = _workers(scheduler)
        if isinstance(workers, str):
            return fail(
                f"the Dask scheduler {scheduler} does not answer: {workers}",
                "start it, or ISSUESUM_SCHEDULER=local",
            )
        if not workers:
            return fail(f"the Dask scheduler {scheduler} has no worker", f"dask worker {scheduler}")
        found.append(f"Dask scheduler {scheduler}: {workers} workers")
    if config:
        return note("; ".join([_SET, *found]), "deploy/training, or unset TF_CONFIG to train alone")
    return ok("; ".join(found) or _ALONE)


def _workers(scheduler: str) -> int | str:
    """Return how many workers a scheduler has, or why it does not say."""
    from distributed import Client

    for name in ("distributed", "distributed.client", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with Client(scheduler, timeout=_PATIENCE, set_as_default=False) as client:
            return len(client.nthreads())
    except (OSError, ValueError, TypeError) as error:
        return one_line(error)[:200]
