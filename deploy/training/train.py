"""One process of a training job in a cluster: pull the features, train, push what came out.

The image holds the repository at one commit in a folder that is read-only; it is copied to the work
folder, where DVC's cache and the checkpoints of an earlier start of this job may lie.

Who pushes is decided as TensorFlow decides who writes: the chief, or worker 0 where there is none.
The chief trains by `dvc repro`, so that DVC records and caches the result, and pushes it with the
run-cache: `dvc repro --pull train` at the same commit then takes it instead of training. All other
workers run the same code, and nothing of theirs is kept.

Standard library only: it starts before anything of the project is in place.
"""

# ruff: noqa: T201 -- its output is the log of the job

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

APP = Path(__file__).resolve().parents[2]
WORK = Path("/work")
INPUT = "data/features"
PET = ("PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT")  # of a TrainJob
BAD_OPTIONS = 2  # as in src/issuesum/errors.py


def main() -> None:
    """Run the process that the environment describes."""
    # Process 1 of a container ignores the signal otherwise, and is killed after a long wait.
    signal.signal(signal.SIGTERM, _end)
    job = tf_config(os.environ)
    chief = is_chief(job)
    if job:
        os.environ["TF_CONFIG"] = json.dumps(job)
    copy_repository(APP, WORK)
    os.chdir(WORK)
    run("dvc", "pull", INPUT)
    if not chief:
        run(sys.executable, "-m", "issuesum.stages.train")
        return
    run("dvc", "repro", "--single-item", "train")
    run("dvc", "push", "--run-cache", "train")
    commit = os.environ.get("ISSUESUM_COMMIT", "that of the image")
    print(f"pushed. To have it in a clone at commit {commit}: dvc repro --pull train")


def tf_config(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return TensorFlow's description of the job, None where this process is all of it.

    A TFJob sets TF_CONFIG. A TrainJob knows no TensorFlow; its policy `torch` tells by PET_… how
    many nodes there are, which this is and where the first is. The others' names differ from its
    name in one number: JOB-node-0-0.JOB, JOB-node-0-1.JOB, …
    """
    if text := environ.get("TF_CONFIG"):
        try:
            job = json.loads(text)
            job["task"]["type"], int(job["task"]["index"]), job["cluster"].keys()
        except (ValueError, KeyError, TypeError, AttributeError):
            refuse(f"TF_CONFIG must describe a cluster and a task. Received: {text}.")
        return dict(job)
    try:
        count, rank = (int(environ.get(name, "0")) for name in ("PET_NNODES", "PET_NODE_RANK"))
    except ValueError as error:
        refuse(f"PET_NNODES and PET_NODE_RANK must be numbers. Received: {error}.")
    if count <= 1:
        return None
    missing = [name for name in PET if not environ.get(name)]
    if missing:
        refuse(f"With PET_NNODES={count} all of PET_… must be set. Received: no {missing}.")
    first, port = environ["PET_MASTER_ADDR"], environ["PET_MASTER_PORT"]
    host, dot, domain = first.partition(".")
    if not host.endswith("-0"):
        refuse(f"PET_MASTER_ADDR must be the name of node 0, …-0. Received: {first}.")
    workers = [f"{host[:-1]}{index}{dot}{domain}:{port}" for index in range(count)]
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}


def is_chief(job: Mapping[str, Any] | None) -> bool:
    """Tell whether this process is the one that records and pushes."""
    if job is None or not any(job["cluster"].values()):
        return True
    task = job["task"]
    if task["type"] not in {"chief", "worker"}:
        refuse(f"The task of TF_CONFIG must be a chief or a worker. Received: {task['type']}.")
    if "chief" in job["cluster"]:
        return bool(task["type"] == "chief")
    return int(task["index"]) == 0


def copy_repository(source: Path, target: Path) -> None:
    """Put the image's files in place of those of an earlier start, and leave the rest alone."""
    for found in sorted(source.iterdir()):
        if found.name == ".dvc":  # the cache lies beside the config
            # Locks of a process that was killed; its number may be another's by now.
            shutil.rmtree(target / ".dvc/tmp", ignore_errors=True)
            (target / ".dvc").mkdir(exist_ok=True)
            shutil.copyfile(found / "config", target / ".dvc/config")
        elif found.is_dir():
            shutil.rmtree(target / found.name, ignore_errors=True)
            shutil.copytree(found, target / found.name)
        else:
            shutil.copyfile(found, target / found.name)


def run(*command: str) -> None:
    """Run a command; if it fails, end with its exit code."""
    print(f"+ {' '.join(command)}", flush=True)
    code = subprocess.run(command, check=False).returncode
    if code:
        sys.exit(code if code > 0 else 128 - code)


def refuse(message: str) -> NoReturn:
    """End with one line."""
    print(f"error: {message} Try: the manifests beside this file.", file=sys.stderr)
    sys.exit(BAD_OPTIONS)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
