"""Rows that are made up, a process that trains pass by pass, and workers that find each other."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest

import tiny_models
import training_worker
from common import EXAMPLE, Project
from issuesum.layout import FEATURES
from issuesum.text.features import Features
from issuesum.text.tokens import words
from training import (
    PASSES,
    Pass,
    largest_difference,
    made_up,
    product_speed,
    train,
    training_operations,
    worker,
)

TINY = {"train.embedding_dim": 4, "train.hidden_units": 4, "train.batch_size": 32}


def test_made_up_issues_are_as_long_as_real_ones():
    issues = list(made_up(400))
    assert issues == list(made_up(400))
    lengths = sorted(len(words(issue.body)) for issue in issues)
    assert lengths[0] >= 2
    assert 35 < lengths[200] < 50
    assert 300 < lengths[-1] <= 374
    assert all(2 <= len(words(issue.title)) <= 43 for issue in issues)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("way", ["keras", "issuesum"])
def test_a_worker_trains_a_pass_whenever_it_is_asked_to(way, tmp_path, monkeypatch, capsys):
    """In this process: in one of its own the import of TensorFlow would take most of the time."""
    project = Project.clone(tmp_path / "project")
    project.change({**EXAMPLE, **PASSES, **TINY})
    features = project.path / FEATURES
    for split in ("train", "validation"):
        tiny_models.shards(features / split, tiny_models.rows(64))
    tiny_models.save_vocabularies(features)
    monkeypatch.chdir(project.path)
    monkeypatch.setattr("sys.argv", ["training_worker.py", way])
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))  # one more pass, then the end
    with pytest.raises(SystemExit):
        training_worker.main()
    passes = capsys.readouterr().out.splitlines()
    assert len(passes) == 2
    assert all(float(figure) > 0 for line in passes for figure in line.split())


def test_what_a_worker_answers_is_a_pass(tmp_path):
    class Answering(FakeProject):
        code_of_stage = "print('9 8', flush=True); print('7 6', input(), flush=True); input()"

    with worker("issuesum", Answering.clone(tmp_path / "project")) as train_pass:
        assert train_pass() == Pass(7, 6)


def test_a_worker_that_fails_ends_the_benchmark(tmp_path):
    project = Project.clone(tmp_path / "project")
    with pytest.raises(SystemExit, match="KeyError: 'wizardry'"), worker("wizardry", project):
        pytest.fail("there is no such way")


def test_operations_are_those_of_all_products_and_of_their_gradients():
    body, title = np.ones((1, 4), np.int32), np.ones((1, 2), np.int32)
    params = SimpleNamespace(embedding_dim=2, hidden_units=3, batch_size=1)
    products = [
        (4, 2, 18), (4, 3, 9), (4, 3, 9), (4, 6, 3), (1, 6, 3),  # encoder, keys, first state
        (1, 4, 6), (1, 6, 2), (1, 4, 9), (1, 3, 9),  # what is read, the decoder
        (1, 3, 3), (4, 3, 3), (4, 3, 1), (1, 4, 6),  # attention
        (1, 13, 2), (1, 13, 1), (1, 2, 5),  # the next word
    ]  # fmt: skip
    found = training_operations(Features(body, title, body, title), params, title_size=5)
    assert found == 3 * 2 * sum(m * n * k for m, n, k in products)
    assert product_speed(8, 8, 8, seconds=0.01) > 0


def test_the_largest_difference_is_relative():
    one = np.array([[8.0, 7.0], [4.0, 2.0]])
    assert largest_difference(one, one) == 0
    assert largest_difference(one, one * 1.01) == pytest.approx(0.01)


class FakeProject(Project):
    """Trains nothing: its stage notes its TF_CONFIG as a loss, or fails in the second worker."""

    code_of_stage = """
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
        return super().start(
            "python", "-c", self.code_of_stage.replace("FAILS", str(self.fails)), **options
        )


@pytest.fixture
def project(tmp_path):
    return FakeProject.clone(tmp_path / "project")


def test_one_worker_trains_alone_and_of_two_the_first_reports(project):
    (alone, speed), (first, _) = train(project, 1), train(project, 2)
    assert (alone.tolist(), speed) == ([[7.5], [7.5]], 30)
    assert first.tolist() == [[0.5], [0.5]]
    assert project.path.with_name("worker-1-of-2").exists()


def test_a_worker_that_fails_ends_the_others_and_says_why(project, monkeypatch):
    monkeypatch.setattr(FakeProject, "fails", 1)
    with pytest.raises(SystemExit, match="worker 1 is tired"):
        train(project, 2)
