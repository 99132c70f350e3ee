"""One function over many arguments, on this machine's cores or on a Dask cluster that exists.

Arguments and results travel, so that workers of a cluster need no file system in common. At most
IN_FLIGHT jobs per worker are under way, so memory does not grow with their number. Dask gives
a job whose worker dies to another, and gives up on one that has taken three workers with it.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import islice
from multiprocessing.resource_tracker import ensure_running
from threading import Thread
from typing import TYPE_CHECKING, Any

from issuesum.errors import ClusterError, one_line

if TYPE_CHECKING:
    from distributed import Client

IN_FLIGHT = 2  # one that runs and one that waits, so that no worker idles while a result travels
ROWS_WORTH_A_PROCESS = 20_000  # take one 0.8 s, as processes take to start (25,000 rows/s)
_PATIENCE = 30  # seconds to wait for the scheduler, a first worker, another after the last died
_SETTINGS = {
    # The last 1,000 messages, which hold shards, would stay in memory: 190 MB for 400 jobs.
    "distributed.admin.low-level-log-length": 0,
    # A job is a shard, whose size is the user's choice.
    "distributed.admin.large-graph-warning-threshold": "1 GiB",
}


def run_jobs[K, R](
    function: Callable[..., R], jobs: _Jobs[K], *, address: str | None = None, processes: int = 1
) -> Iterator[tuple[K, R]]:
    """Yield (key, function(*arguments)) for every (key, arguments), in the order of completion.

    Jobs are taken one at a time, as workers become free. Workers are those of the Dask scheduler at
    `address`, or local processes; if that is one, the jobs run in this process.

    Raises:
        ClusterError: the scheduler or its workers cannot be used.
    """
    if address is None and processes == 1:
        for key, arguments in jobs:
            yield key, function(*arguments)
        return
    jobs = iter(jobs)
    running: dict[Future[R], K] = {}
    with _dask(address) if address else _processes(processes, function) as (executor, workers):
        while True:
            free = IN_FLIGHT * max(1, workers()) - len(running)
            with _interrupts_later():
                for key, arguments in islice(jobs, max(0, free)):
                    running[executor.submit(function, *arguments)] = key
            if not running:
                return
            finished = wait(running, _PATIENCE, FIRST_COMPLETED).done
            if not finished and not workers():
                raise TimeoutError
            for future in finished:
                yield running.pop(future), future.result()


def local_processes(wanted: int, rows: int) -> int:
    """Return `wanted`, or for 0 as many processes as pay for `rows`, at most one per core."""
    paying = rows // ROWS_WORTH_A_PROCESS
    if wanted or paying <= 1:
        return wanted or 1
    from dask.system import CPU_COUNT  # knows the limits of a container

    return min(CPU_COUNT, paying)


type _Jobs[K] = Iterable[tuple[K, tuple[Any, ...]]]
type _Workers = tuple[Executor, Callable[[], int]]  # how many of them there are now


@contextmanager
def _processes(count: int, function: Callable[..., Any]) -> Iterator[_Workers]:
    context = multiprocessing.get_context("forkserver")  # one process that has imported all
    context.set_forkserver_preload([function.__module__])
    executor = ProcessPoolExecutor(count, context, _end_with_parent)
    try:
        yield executor, lambda: count
    except BrokenProcessPool as error:
        raise _died(error) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let a worker whose parent is killed end; it would wait for a job for ever."""

    def watch() -> None:
        multiprocessing.parent_process().join()  # type: ignore[union-attr]  # a worker has one
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold Ctrl+C back until the block has ended, and for ever from processes that it starts.

    A terminal sends it to all of them, and each would print a traceback; this process ends them.
    """
    ensure_running()  # or it would be started in the block, after which it lets Ctrl+C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _dask(address: str) -> Iterator[_Workers]:
    import dask
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    # A failure is one line, and it is ours. Tornado and asyncio log jobs that it leaves behind.
    for name in ("distributed", "distributed.client", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS))
        try:
            client = stack.enter_context(_connect(address))
            client.wait_for_workers(1, timeout=_PATIENCE)
            # `pure` would hash the arguments, and equal ones would share a future.
            yield client.get_executor(pure=False), lambda: sum(client.nthreads().values())
        except (OSError, CancelledError, FutureCancelledError) as error:
            reason = one_line(error)[:200] or "its workers are gone"
            raise ClusterError(
                f"The Dask scheduler at {address} must answer and have a worker within "
                f"{_PATIENCE} s. Received: {reason}. Try: preprocess.scheduler: local."
            ) from error
        except (KilledWorker, ImportError) as error:
            raise _died(error) from error


def _died(error: Exception) -> ClusterError:
    return ClusterError(
        "Workers must survive their jobs and have issuesum installed. Received: "
        f"{one_line(error)}. Try: the workers' logs; more memory per worker, or a smaller "
        "split.shard_rows."
    )


def _connect(address: str) -> Client:
    from distributed import Client

    try:
        return Client(address, timeout=_PATIENCE)
    except (TypeError, ValueError) as error:
        raise ClusterError(
            f"Dask must be set up for {address}. Received: {one_line(error)}. Try: for tls://, "
            "certificates in DASK_DISTRIBUTED__COMM__TLS__CA_FILE and …__CLIENT__CERT and "
            "…__CLIENT__KEY."
        ) from error
