"""One worker and two on this machine do the same."""

from __future__ import annotations

import pytest

import loopback
from loopback import Course
from project import Project

ONE = Course([(8.0, 4.0), (7.0, 2.0)], examples_per_second=400.0, threads=2)
TWO = Course([(8.0, 4.0), (7.07, 2.01)], examples_per_second=300.0, threads=1)


def test_the_largest_difference_is_relative():
    assert loopback.largest_difference(ONE, ONE) == 0
    assert loopback.largest_difference(ONE, TWO) == pytest.approx(0.01)


def test_the_report_shows_every_validation():
    lines = list(loopback.report(ONE, TWO, period=5))
    assert [line.split() for line in lines[2:4]] == [
        ["5", "8.000000", "8.000000", "4.000000", "4.000000"],
        ["10", "7.000000", "7.070000", "2.000000", "2.010000"],
    ]
    assert lines[4].endswith("1.0e-02")
    assert lines[5].split() == ["1", "worker", "of", "2", "threads", "400", "examples/s"]
    assert lines[6].split() == ["2", "workers", "of", "1", "thread", "300", "examples/s"]
    assert lines[7].split() == ["ratio", "0.75"]


def test_ports_differ_and_are_free():
    ports = loopback.free_ports(5)
    assert len(set(ports)) == 5


class Pretence(Project):
    """Trains nothing: its stage notes its TF_CONFIG as a loss, or fails in the second worker."""

    code = """
import json, os, sys, time
from pathlib import Path
number = json.loads(os.environ.get("TF_CONFIG") or "{}").get("task", {}).get("index")
if FAILS is not None:
    if number != FAILS:
        time.sleep(600)
    sys.exit(f"worker {number} is tired")
for side in ("train", "eval"):
    table = Path(f"eval/train/plots/metrics/{side}/loss.tsv")
    table.parent.mkdir(parents=True)
    table.write_text(f"step\\tloss\\n0\\t{number}.5\\n".replace("None", "7"))
speed = Path(".issuesum/runs/train_speed.tsv")
speed.parent.mkdir(parents=True)
speed.write_text("step\\texamples_per_second\\n0\\t1\\n1\\t30\\n")
"""
    fails = None

    def start(self, *_, **options):
        return super().start("-c", self.code.replace("FAILS", str(self.fails)), **options)


@pytest.fixture
def project(tmp_path):
    return Pretence(tmp_path / "project")


def test_one_worker_trains_alone(project):
    course = loopback.train(project, 1)
    assert course.losses == [(7.5, 7.5)]
    assert course.examples_per_second == 30


def test_of_two_workers_the_first_reports(project):
    course = loopback.train(project, 2)
    assert course.losses == [(0.5, 0.5)]
    assert (project.folder / "worker-1-of-2" / ".issuesum").exists()


def test_a_worker_that_fails_ends_the_others_and_says_why(project, monkeypatch):
    monkeypatch.setattr(Pretence, "fails", 1)
    with pytest.raises(SystemExit, match="worker 1 is tired"):
        loopback.train(project, 2)
