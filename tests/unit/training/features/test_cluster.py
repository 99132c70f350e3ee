"""Jobs in this process; on real workers they are tests/func/test_preprocess.py's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dask.system import CPU_COUNT

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
