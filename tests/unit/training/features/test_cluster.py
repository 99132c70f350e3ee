"""Jobs in this process and in others; on a cluster they are tests/func/test_preprocess.py's."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from dask.system import CPU_COUNT

from issuesum.errors import ClusterError
from issuesum.training.features.cluster import ROWS_WORTH_A_PROCESS, local_processes, run_jobs


def test_jobs_are_taken_one_at_a_time_in_one_process() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[tuple[str, tuple[int, int]]]:
        for number in range(3):
            taken.append(number)
            yield f"job {number}", (number, 10)

    results = run_jobs(pow, jobs(), address=None, processes=1)
    assert next(results) == ("job 0", 0)
    assert taken == [0]
    assert list(results) == [("job 1", 1), ("job 2", 1024)]


def test_processes_give_all_results_and_errors_and_their_death_is_one_line() -> None:
    jobs = [(number, (2, number)) for number in range(9)]
    assert dict(run_jobs(pow, jobs, address=None, processes=2)) == {n: 2**n for n in range(9)}
    with pytest.raises(ZeroDivisionError):
        list(run_jobs(divmod, [("job", (1, 0))], address=None, processes=2))
    with pytest.raises(ClusterError, match="Workers must survive their jobs"):
        list(run_jobs(os._exit, [("job", (3,))], address=None, processes=2))


@pytest.mark.parametrize(
    ("wanted", "rows", "processes"),
    [
        (0, 0, 1),
        (0, ROWS_WORTH_A_PROCESS * 2 - 1, 1),
        (0, ROWS_WORTH_A_PROCESS * 1000, CPU_COUNT),
        (3, 1, 3),
    ],
)
def test_processes_are_started_where_they_pay(wanted: int, rows: int, processes: int) -> None:
    assert local_processes(wanted, rows) == processes
