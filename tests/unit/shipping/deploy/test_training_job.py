"""What one process of a training job does, given what the cluster passes to it."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest

PET = {
    "PET_NNODES": "3",
    "PET_NODE_RANK": "1",
    "PET_MASTER_ADDR": "titles-node-0-0.titles",
    "PET_MASTER_PORT": "29400",
}
WORKERS = [f"titles-node-0-{index}.titles:29400" for index in range(3)]


OWN = {"1": "titles-worker-1.team.svc:2222"}  # all that a TFJob with dynamic workers passes
PODS = [f"titles-worker-{index}.team.svc:2222" for index in range(3)]
OF_JOB = {"JOB_COMPLETION_INDEX": "2", "ISSUESUM_WORKERS": "3"}


def task(kind: str, index: object, **cluster: list[str]) -> dict:
    return {"cluster": cluster, "task": {"type": kind, "index": index}}


@pytest.fixture
def job(root: Path):
    """Return the module that the image starts."""
    spec = importlib.util.spec_from_file_location("job", root / "deploy/training/train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_a_cluster_there_is_no_tf_config(job) -> None:
    assert job.tf_config({}) is None
    assert job.tf_config({"PET_NNODES": "1", "PET_NODE_RANK": "0"}) is None


def test_tf_config_of_a_tfjob_is_taken_as_it_is(job) -> None:
    given = task("worker", 1, worker=["a:2222", "b:2222"])
    assert job.tf_config({"TF_CONFIG": json.dumps(given), **PET}) == given


def test_tf_config_is_made_of_what_a_trainjob_sets(job) -> None:
    assert job.tf_config(PET) == task("worker", 1, worker=WORKERS)


def test_a_worker_that_knows_itself_alone_completes_the_cluster(job) -> None:
    given = {"cluster": {"worker": OWN, "ps": None}, "task": {"type": "worker", "index": 1}}
    variables = {"TF_CONFIG": json.dumps(given), "ISSUESUM_WORKERS": "3"}
    assert job.tf_config(variables) == task("worker", 1, worker=PODS)
    alone = json.dumps(given).replace("-1.", "-0.").replace('"1"', '"0"').replace(": 1", ": 0")
    assert job.tf_config({"TF_CONFIG": alone}) is None


def test_pods_of_a_job_find_each_other_by_their_service(job, monkeypatch) -> None:
    monkeypatch.setattr(job.socket, "getfqdn", lambda: "titles-2.titles.team.svc.cluster.local")
    workers = [f"titles-{index}.titles.team.svc.cluster.local:2222" for index in range(3)]
    assert job.tf_config(OF_JOB) == task("worker", 2, worker=workers)
    assert job.tf_config({"JOB_COMPLETION_INDEX": "0"}) is None


def test_job_names_may_look_like_node_names(job) -> None:
    first = {"PET_MASTER_ADDR": "run-0-node-0-0.run-0"}
    hosts = job.tf_config(PET | first)["cluster"]["worker"]
    assert hosts[2] == "run-0-node-0-2.run-0:29400"


@pytest.mark.parametrize(
    "given",
    [
        task("worker", 0, worker=["a:1", "b:1"]),
        task("worker", 1, worker=["a:1", "b:1"]),
        task("worker", "0", worker=["a:1"]),
        task("chief", 0, chief=["a:1"], worker=["b:1"]),
        task("worker", 0, chief=["a:1"], worker=["b:1"]),
        task("worker", 0),
    ],
)
def test_the_chief_is_the_one_that_training_takes_for_it(given: dict, job) -> None:
    from issuesum.training.model.distribution import read_cluster

    assert job.is_chief(given) == read_cluster(json.dumps(given)).is_chief
    assert job.is_chief(None)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"TF_CONFIG": "nonsense"}, "TF_CONFIG must describe a cluster and a task"),
        ({"TF_CONFIG": "[]"}, "TF_CONFIG must describe a cluster and a task"),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}}'}, "TF_CONFIG must describe"),
        ({"TF_CONFIG": json.dumps(task("ps", 0, ps=["a:1"]))}, "must be a chief or a worker"),
        ({**PET, "PET_NNODES": "many"}, "PET_NNODES must be a number"),
        ({**PET, "PET_NODE_RANK": "first"}, "PET_NODE_RANK must be a number"),
        ({**PET, "PET_NODE_RANK": ""}, "must be set"),
        ({"PET_NNODES": "2"}, "must be set"),
        ({**PET, "PET_MASTER_ADDR": "elsewhere"}, "must know a name like JOB-0.SERVICE"),
        ({**OF_JOB, "ISSUESUM_WORKERS": "many"}, "ISSUESUM_WORKERS must be a number"),
        (OF_JOB, "Worker 2 of 3 must know a name like JOB-2.SERVICE"),
        ({**OF_JOB, "ISSUESUM_WORKERS": "2"}, "Worker 2 of 2"),
    ],
)
def test_nonsense_ends_with_one_line(environ: dict, message: str, job, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        job.is_chief(job.tf_config(environ))
    assert ended.value.code == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ")
    assert message in errors
    assert errors.count("\n") == 1


@pytest.fixture
def commands(job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run `main` in folders of the test, with recorded commands in place of real ones."""
    for name in ("app", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(job, "APP", tmp_path / "app")
    monkeypatch.setattr(job, "WORK", tmp_path / "work")
    monkeypatch.chdir(tmp_path)
    ran: list[str] = []
    codes: dict[str, list[int]] = {}

    def run(*command: str) -> int:
        ran.append(" ".join(command[-3:]))
        left = codes.get(command[1], [])
        return left.pop(0) if left else 0

    monkeypatch.setattr(job, "run", run)
    monkeypatch.setattr(job, "push", lambda: run("dvc", "push", "--run-cache", "train"))
    monkeypatch.setattr(job.time, "sleep", lambda _: None)
    before = signal.getsignal(signal.SIGTERM)

    def commands(failing: dict[str, list[int]] | None = None, **environ: str) -> list[str]:
        codes.clear()
        codes.update(failing or {})
        for name in (*PET, *OF_JOB, "TF_CONFIG", "ISSUESUM_CHECKPOINTS"):
            os.environ.pop(name, None)
        os.environ.update(environ)
        ran.clear()
        job.main()
        return [*ran]

    with mock.patch.dict(os.environ):  # main sets TF_CONFIG, which would reach the tests after this
        yield commands
    signal.signal(signal.SIGTERM, before)


def test_one_process_alone_and_the_chief_push(commands, capsys) -> None:
    chief = ["dvc pull data/features", "repro --single-item train", "push --run-cache train"]
    assert commands() == chief
    assert commands(**PET | {"PET_NODE_RANK": "0"}) == chief
    assert commands(ISSUESUM_COMMIT="abc") == chief
    assert "at commit abc: dvc repro --pull train" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("echo 3 files pushed", 0),
        ("echo failed to transfer 1 file", 1),
        ("echo failed to transfer 1 file >&2", 1),
        ("exit 255", 255),
    ],
)
def test_a_push_counts_if_all_of_it_got_through(
    script: str, code: int, job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "dvc", f"#!/bin/sh\n{script}\n")
    (tmp_path / "dvc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert job.push() == code


def test_another_worker_trains_along_and_pushes_nothing(commands) -> None:
    ran = commands(**PET)
    assert ran[0] == "dvc pull data/features"
    assert ran[1].endswith("-m issuesum.stages train")
    assert len(ran) == 2
    assert json.loads(os.environ["TF_CONFIG"]) == task("worker", 1, worker=WORKERS)


def test_the_commit_replaces_files_and_keeps_cache_and_checkpoints(job, tmp_path: Path) -> None:
    image, work = tmp_path / "image", tmp_path / "work"
    for name in (".dvc/config", "src/new.py", "dvc.lock"):
        write(image / name, "new")
    kept = (".dvc/cache/x", ".issuesum/checkpoints/x", "models/x")
    for name in (*kept, ".dvc/config", ".dvc/tmp/rwlock", "src/old.py", "dvc.lock"):
        write(work / name, "old")
    job.copy_repository(image, work)
    found = {p.relative_to(work).as_posix(): p.read_text() for p in work.rglob("*") if p.is_file()}
    assert found == {
        **dict.fromkeys(kept, "old"),
        **dict.fromkeys((".dvc/config", "src/new.py", "dvc.lock"), "new"),
    }


def test_a_trained_model_is_pushed_when_s3_is_back(commands, capsys) -> None:
    pushes = [each for each in commands({"push": [1, 1]}) if "push" in each]
    assert len(pushes) == 3
    assert "at commit" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        commands({"push": [1] * 99})
    assert ended.value.code == 1


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ({"20260102T000000Z-train-aaaaaa": 2, "20260101T000000Z-train-ffffff": 9}, 2),
        ({"20260102T000000Z-train-aaaaaa": None}, 255),  # it was killed
        ({"20260102T000000Z-split-aaaaaa": 2}, 255),
        ({}, 255),
    ],
)
def test_it_ends_with_the_exit_code_of_the_stage(
    records: dict, code: int, commands, tmp_path: Path
) -> None:
    for name, value in records.items():
        write(tmp_path / f"work/.issuesum/runs/{name}.json", json.dumps({"exit_code": value}))
    with pytest.raises(SystemExit) as ended:
        commands({"repro": [255]})
    assert ended.value.code == code


def test_checkpoints_are_next_to_the_dvc_remote(commands, tmp_path: Path, root: Path) -> None:
    write(tmp_path / "app/.dvc/config", (root / ".dvc/config").read_text())
    commands()
    assert os.environ["ISSUESUM_CHECKPOINTS"] == "s3://issuesum/dvc/issuesum-checkpoints"
    commands(ISSUESUM_CHECKPOINTS="s3://other/place")
    assert os.environ["ISSUESUM_CHECKPOINTS"] == "s3://other/place"
    write(tmp_path / "app/.dvc/config", "[core]\nremote = x\n['remote \"x\"']\nurl = /mnt/x\n")
    commands()
    assert "ISSUESUM_CHECKPOINTS" not in os.environ


@pytest.mark.parametrize(("command", "code"), [("exit 9", 9), ("kill -9 $$", 137)])
def test_what_fails_ends_the_process_with_its_exit_code(command: str, code: int, job) -> None:
    with pytest.raises(SystemExit) as ended:
        job.must("sh", "-c", command)
    assert ended.value.code == code


def test_sigterm_reaches_the_stage_and_waits_for_it(root: Path, tmp_path: Path) -> None:
    # As process 1 of a container, which inherits the children of processes that end.
    # Short sleeps: one that is forked as the signal comes may miss it.
    stage = 'trap "sleep 1; touch saved; exit 143" TERM; touch ready; while sleep 0.1; do :; done'
    dvc = f"sh -c '{stage}' & wait"
    script = f"""
import ctypes, sys
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
sys.path.insert(0, {str(root / "deploy/training")!r})
import train
train.run("sh", "-c", {dvc!r})
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path) as process:
        deadline = time.monotonic() + 30
        while not (tmp_path / "ready").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()
        assert process.wait(timeout=30) == 143
    assert (tmp_path / "saved").exists()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
