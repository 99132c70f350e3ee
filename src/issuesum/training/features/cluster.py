"""One function over many arguments, on this machine's cores or on a Dask cluster that exists.

What a job needs travels with it and its result comes back, so workers share no file system. At
most IN_FLIGHT jobs per thread are running, so memory does not grow with their number. A job whose
worker dies is given to another; Dask gives up on one that has taken three workers with it.
"""

from __future__ import annotations

import logging
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from multiprocessing.resource_tracker import ensure_running
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from issuesum.errors import ClusterError, one_line

if TYPE_CHECKING:
    from distributed import Client, Future

IN_FLIGHT = 2  # one that runs and one that waits, so that no thread idles while a result travels
ROWS_WORTH_A_PROCESS = 40_000  # take one 4.5 s, as another takes to start (2 cores, 9,000 rows/s)
_PATIENCE = 30  # seconds to wait for the scheduler, a first worker, another after the last died
_SETTINGS = {
    # The last 1,000 messages, which hold shards, would stay in memory: 190 MB for 400 jobs.
    "distributed.admin.low-level-log-length": 0,
    # A job is a shard, whose size is the user's choice.
    "distributed.admin.large-graph-warning-threshold": "1 GiB",
}


type _Jobs[K] = Iterable[tuple[K, tuple[Any, ...]]]


def run_jobs[K, R](
    function: Callable[..., R], jobs: _Jobs[K], *, address: str | None, processes: int
) -> Iterator[tuple[K, R]]:
    """Yield (key, function(*arguments)) for every (key, arguments), in the order of completion.

    Jobs are taken one at a time, as workers become free. Workers are those of the Dask scheduler at
    `address`, or local processes; if that is one, the jobs run in this process.

    Raises:
        ClusterError: the scheduler or its workers cannot be used.
    """
    if address is None and processes == 1:
        # As Dask's workers do: a language took OpenBLAS no less time on two threads, one spinning.
        with threadpool_limits(1):
            for key, arguments in jobs:
                yield key, function(*arguments)
        return
    with _client(address, processes) as client:
        yield from _on_cluster(client, function, jobs)


def local_processes(wanted: int, rows: int) -> int:
    """Return `wanted`, or for 0 as many processes as pay for `rows`, at most one per core."""
    from dask.system import CPU_COUNT  # knows the limits of a container

    return wanted or max(1, min(CPU_COUNT, rows // ROWS_WORTH_A_PROCESS))


def _on_cluster[K, R](
    client: Client, function: Callable[..., R], jobs: _Jobs[K]
) -> Iterator[tuple[K, R]]:
    from distributed import wait

    jobs = iter(jobs)
    keys: dict[Future, K] = {}
    while True:
        threads = sum(client.nthreads().values())  # workers may come and go
        wanted = max(1, IN_FLIGHT * threads) - len(keys)
        for key, arguments in islice(jobs, max(0, wanted)):
            # `pure` would hash the arguments, and equal ones would share a future.
            keys[client.submit(function, *arguments, pure=False)] = key
        if not keys:
            return
        try:
            finished = wait(list(keys), timeout=_PATIENCE, return_when="FIRST_COMPLETED").done
            # A worker may die with its results: without a limit this would wait for another one.
            results = [(future, future.result(timeout=_PATIENCE)) for future in finished]
        except TimeoutError:
            if not client.nthreads():
                raise
            continue
        for future, result in results:
            yield keys.pop(future), result


@contextmanager
def _client(address: str | None, processes: int) -> Iterator[Client]:
    import dask
    from distributed import LocalCluster
    from distributed.client import FutureCancelledError, FuturesCancelledError
    from distributed.scheduler import KilledWorker

    # A failure is one line, and it is ours. asyncio logs what a result's time limit cancels.
    for name in ("distributed", "distributed.client", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS))
        try:
            if address is None:
                scratch = tempfile.TemporaryDirectory(prefix="issuesum-dask-")
                directory = stack.enter_context(scratch)
                with _interrupts_later():
                    cluster = LocalCluster(
                        n_workers=processes, threads_per_worker=1, host="127.0.0.1",
                        dashboard_address=None, local_directory=directory,
                        memory_limit=0,  # jobs are small; pausing workers would only slow them
                        silence_logs=logging.CRITICAL,
                    )  # fmt: skip
                    stack.enter_context(cluster)
            client = stack.enter_context(_connect(address or cluster))
            client.wait_for_workers(1, timeout=_PATIENCE)
            yield client
        except (OSError, FutureCancelledError, FuturesCancelledError) as error:
            reason = one_line(error)[:200] or "its workers are gone"
            raise ClusterError(
                f"The Dask scheduler at {address or 'this machine'} must answer and have a worker "
                f"within {_PATIENCE} s. Received: {reason}. Try: preprocess.scheduler: local."
            ) from error
        except (KilledWorker, ImportError) as error:
            raise ClusterError(
                "Workers must survive their jobs and have issuesum installed. Received: "
                f"{one_line(error)}. Try: the workers' logs; more memory per worker, or a smaller "
                "split.shard_rows."
            ) from error


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


def _connect(cluster: Any) -> Client:  # noqa: ANN401 -- an address or a LocalCluster
    from distributed import Client

    try:
        return Client(cluster, timeout=_PATIENCE)
    except (TypeError, ValueError) as error:
        raise ClusterError(
            f"Dask must be set up for {cluster}. Received: {one_line(error)}. Try: for tls://, "
            "certificates in DASK_DISTRIBUTED__COMM__TLS__CA_FILE and …__CLIENT__CERT and "
            "…__CLIENT__KEY."
        ) from error
