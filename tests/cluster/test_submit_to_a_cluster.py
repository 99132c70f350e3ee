"""`issuesum submit` in a real cluster."""

from __future__ import annotations

import json

import pytest

from projects import Project
from real_cluster import Namespace


@pytest.fixture
def submitting(clone: Project, namespace: Namespace) -> Project:
    """Return a clone whose settings are those of the cluster; they are in no image."""
    clone.edit(
        "deploy/settings/kustomization.yaml",
        lambda text: text.replace("https://s3.example.com", namespace.s3),
    )
    return clone


def _submit(project: Project, namespace: Namespace, *options: str, ok: bool = True):
    where = ("--kind", "job", "--namespace", namespace.name, "--image", namespace.image)
    return project.run("issuesum", "submit", *where, *options, ok=ok)


def test_a_commit_is_trained_there_and_its_model_is_here(
    submitting: Project, namespace: Namespace
) -> None:
    started = _submit(submitting, namespace, "--no-wait", "--json")
    (job,) = json.loads(started.stdout)
    done = _submit(submitting, namespace)
    assert f"job {job['name']} is there already" in done.stderr
    assert "Running stage 'train'" in done.stderr, "the log of the pod"
    status = submitting.run("dvc", "status", "train").stdout
    assert status == "Data and pipelines are up to date.\n"
    assert "nothing to do" in _submit(submitting, namespace).stderr


def test_a_mistake_ends_it_with_the_line_of_the_stage(
    submitting: Project, namespace: Namespace
) -> None:
    wrong = ("--workers", "2", "-S", "train.batch_size=7")
    done = _submit(submitting, namespace, *wrong, ok=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: train: train.batch_size must be a mult")


def test_variants_come_back_as_experiments(submitting: Project, namespace: Namespace) -> None:
    sweep = ("--jobs", "2", "-S", "train.seed=1,2", "-S", "train.max_steps=20")
    done = _submit(submitting, namespace, *sweep, "--json")
    assert [job["params"] for job in json.loads(done.stdout)] == [
        ["train.seed=1", "train.max_steps=20"],
        ["train.seed=2", "train.max_steps=20"],
    ]
    (shown,) = [
        each for each in json.loads(submitting.run("dvc", "exp", "show", "--json").stdout)
        if each["experiments"]
    ]  # fmt: skip
    params = (
        each["revs"][0]["data"]["params"]["params.yaml"]["data"]["train"]["seed"]
        for each in shown["experiments"]
    )
    assert sorted(params) == [1, 2]
