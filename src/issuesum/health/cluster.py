"""Other machines that a run was told to use."""

from __future__ import annotations

import json
import logging

from issuesum.errors import one_line
from issuesum.health.finding import Finding, fail, ok

_PATIENCE = 4
"""Seconds."""
_ALONE = "this machine alone: no TF_CONFIG, no Dask scheduler"


def cluster(config: str | None, scheduler: str | None) -> Finding:
    """Look at TF_CONFIG and ask the Dask scheduler for its workers.

    Args:
        config: the value of TF_CONFIG.
        scheduler: its address, or None.
    """
    found = []
    if config:
        try:
            content = json.loads(config)
            hosts = sum(map(len, content.get("cluster", {}).values()))
            task = content.get("task", {})
            place = f"{task['type']} {task['index']} of {hosts} hosts" if hosts else "no cluster"
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return fail(
                f"TF_CONFIG names no place among workers: {type(error).__name__}",
                "the manifests in deploy/training, or unset TF_CONFIG to train alone",
            )
        found.append(f"TF_CONFIG: {place}")
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
