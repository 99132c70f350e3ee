"""How many updates fit into a time."""

from __future__ import annotations

import pytest

from pace import Pace, read_speeds


def test_seconds_are_divided_into_what_is_done_once_and_what_is_repeated():
    # Start 10 s; 20 updates of 0.1 s and a validation of 1 s each time; end 4 s.
    moments = [100.0, 113.0, 116.0, 119.0, 122.0, 126.0]
    pace = Pace.of(moments, updates=20, update=0.1)
    assert pace == Pace(fixed=14.0, update=0.1, validation=pytest.approx(1.0))


def test_as_many_updates_as_fit():
    pace = Pace(fixed=14.0, update=0.1, validation=1.0)
    assert pace.updates(14 + 100 * 0.1 + 2 * 1.0 + 0.01, period=50) == 100
    assert pace.updates(1.0, period=50) == 1


def test_speeds_are_read_while_they_are_written(tmp_path):
    table = tmp_path / "speed.tsv"
    assert read_speeds(table) == []
    table.write_text("step\texamples_per_second\n")
    assert read_speeds(table) == []
    table.write_text("step\texamples_per_second\n0\t12.5\n1\t30.0\n")
    assert read_speeds(table) == [12.5, 30.0]
