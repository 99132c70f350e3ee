"""One process of a training job in a cluster: pull the features, train, push what came out.

The image holds the repository at one commit in a folder that is read-only; it is copied to the work
folder, where DVC's cache and the checkpoints of an earlier start in this pod may lie. Checkpoints
also go to object storage, next to the DVC remote, from where a new pod resumes.

Who pushes is decided as TensorFlow decides who writes: the chief, or worker 0 where there is none.
The chief trains by `dvc repro`, so that DVC records and caches the result, and pushes it with the
run-cache: `dvc repro --pull train` at the same commit then takes it instead of training. All other
workers run the same code, and nothing of theirs is kept.

It ends with the exit code of the stage (src/issuesum/errors.py), and after SIGTERM, which it hands
on to the stage, with 143.

Standard library only: it starts before anything of the project is in place.
"""

# ruff: noqa: T201 -- its output is the log of the job

from __future__ import annotations

import configparser
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

APP = Path(__file__).resolve().parents[2]
WORK = Path("/work")
INPUT = "data/features"
RUNS = Path(".issuesum/runs")
WORKERS = "ISSUESUM_WORKERS"
PARAMS = "ISSUESUM_PARAMS"  # of a variant: overrides of params.yaml, a JSON list
# As `dvc exp run --set-param`, so that the same params are found in the run-cache.
OVERRIDE = "import sys; from dvc.utils.hydra import *; apply_overrides('params.yaml', sys.argv[1:])"
PET = ("PET_NODE_RANK", "PET_MASTER_ADDR", "PET_MASTER_PORT")  # of a TrainJob
PORT = 2222  # of the workers of a Job; operators name one themselves
PUSHES, PAUSE = 20, 30  # s between: a trained model outlives ten minutes without S3
BAD_OPTIONS = 2  # as in src/issuesum/errors.py


def main() -> None:
    """Run the process that the environment describes."""
    # Process 1 of a container ignores the signal otherwise, and is killed after a long wait.
    signal.signal(signal.SIGTERM, _end)
    job = tf_config(os.environ)
    chief = is_chief(job)
    os.environ.pop("TF_CONFIG", None)
    if job:
        os.environ["TF_CONFIG"] = json.dumps(job)
    copy_repository(APP, WORK)
    os.chdir(WORK)
    if overrides := os.environ.get(PARAMS):
        must(sys.executable, "-c", OVERRIDE, *json.loads(overrides))
    if place := checkpoints(Path(".dvc/config")):
        os.environ.setdefault("ISSUESUM_CHECKPOINTS", place)
    must("dvc", "pull", INPUT)
    if not chief:
        must(sys.executable, "-m", "issuesum.stages", "train")
        return
    if code := run("dvc", "repro", "--single-item", "train"):
        sys.exit(stage_code() or code)
    for left in reversed(range(PUSHES)):
        code = push()
        if code == 0:
            break
        if left == 0:
            sys.exit(code)
        print(f"trying again in {PAUSE} s", flush=True)
        time.sleep(PAUSE)
    commit = os.environ.get("ISSUESUM_COMMIT", "that of the image")
    print(f"pushed. To have it in a clone at commit {commit}: dvc repro --pull train")


def tf_config(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return TensorFlow's description of the job, None where this process is all of it.

    - A TFJob sets TF_CONFIG; with `enableDynamicWorker`, it names this worker alone.
    - A TrainJob knows no TensorFlow; its policy `torch` says by PET_… how many nodes there are,
      which this is and where the first is.
    - An Indexed Job gives this pod's index, which its host name ends in.

    The others' names differ from the one that is known in that number. How many workers a TFJob or
    a Job has, the manifest repeats in ISSUESUM_WORKERS.
    """
    if text := environ.get("TF_CONFIG"):
        try:
            job = dict(json.loads(text))
            index, workers = int(job["task"]["index"]), job["cluster"].get("worker")
            known = workers[str(index)] if isinstance(workers, dict) else job["task"]["type"]
        except (ValueError, KeyError, TypeError, AttributeError):
            refuse(f"TF_CONFIG must describe a cluster and a task. Received: {text}.")
        if not isinstance(workers, dict):
            return job
    elif integer(environ, "PET_NNODES", 1) > 1:
        if missing := [name for name in PET if not environ.get(name)]:
            refuse(f"With PET_NNODES all of PET_… must be set. Received: no {missing}.")
        first = "{PET_MASTER_ADDR}:{PET_MASTER_PORT}".format_map(environ)
        return described(
            first, 0, integer(environ, "PET_NNODES"), integer(environ, "PET_NODE_RANK")
        )
    else:
        index, known = integer(environ, "JOB_COMPLETION_INDEX", 0), f"{socket.getfqdn()}:{PORT}"
    return described(known, index, integer(environ, WORKERS, 1), index)


def described(address: str, number: int, count: int, index: int) -> dict[str, Any] | None:
    """Describe worker `index` of `count`, of which number `number` has that address."""
    if count <= 1:
        return None
    host, dot, domain = address.partition(".")
    if not host.endswith(f"-{number}") or not 0 <= index < count:
        refuse(
            f"Worker {index} of {count} must know a name like JOB-{number}.SERVICE. "
            f"Received: {address}."
        )
    start = host.removesuffix(str(number))
    workers = [f"{start}{each}{dot}{domain}" for each in range(count)]
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}


def is_chief(job: Mapping[str, Any] | None) -> bool:
    """Return whether this process is the one that records and pushes."""
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
        if found.name == ".dvc":  # the cache is next to the config
            # Locks of a process that was killed; its number may be another's by now.
            shutil.rmtree(target / ".dvc/tmp", ignore_errors=True)
            (target / ".dvc").mkdir(exist_ok=True)
            shutil.copyfile(found / "config", target / ".dvc/config")
        elif found.is_dir():
            shutil.rmtree(target / found.name, ignore_errors=True)
            shutil.copytree(found, target / found.name)
        else:
            shutil.copyfile(found, target / found.name)


def checkpoints(config: Path) -> str | None:
    """Return where checkpoints go: next to the data in the DVC remote; None if it is no bucket."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(config, encoding="utf-8")
    remote = parser.get("core", "remote", fallback="")
    url = parser.get(f"'remote \"{remote}\"'", "url", fallback="")
    return f"{url.rstrip('/')}/issuesum-checkpoints" if url.startswith("s3://") else None


def run(*command: str) -> int:
    """Run a command and return its exit code; SIGTERM ends it, and then this process.

    The signal goes to all that the command has started: `dvc repro` ends at once, and the stage
    under it, which saves a checkpoint first, is waited for.
    """
    print(f"+ {' '.join(command)}", flush=True)
    process = subprocess.Popen(command, start_new_session=True)
    received: list[int] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        received.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    before = signal.signal(signal.SIGTERM, hand_on)
    code = process.wait()
    with contextlib.suppress(ChildProcessError):  # process 1 gets the children of those that end
        while received:
            os.waitpid(-process.pid, 0)
    signal.signal(signal.SIGTERM, before)
    if received:
        sys.exit(128 + received[0])
    return code if code >= 0 else 128 - code


def must(*command: str) -> None:
    """Run a command; if it fails, end with its exit code."""
    if code := run(*command):
        sys.exit(code)


def push() -> int:
    """Push the result and return the exit code of DVC, which is 0 even where parts got lost.

    Seen of DVC 3.67 after a timeout: "failed to transfer" for the run-cache, and success.
    """
    command = ("dvc", "push", "--run-cache", "train")
    print(f"+ {' '.join(command)}", flush=True)
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(done.stdout, end="", flush=True)
    return done.returncode or int("failed to transfer" in done.stdout)


def stage_code() -> int | None:
    """Return the exit code of the newest run of a stage: `dvc repro` has one for all failures."""
    try:
        newest = max(RUNS.glob("*-train-*.json"))  # their names begin with the time
        code = json.loads(newest.read_text(encoding="utf-8"))["exit_code"]
    except (OSError, ValueError, KeyError):
        return None
    return code if isinstance(code, int) else None


def integer(environ: Mapping[str, str], name: str, default: int | None = None) -> int:
    """Return a variable's number."""
    value = environ.get(name, default)
    try:
        return int(str(value))
    except ValueError:
        refuse(f"{name} must be a number. Received: {value}.")


def refuse(message: str) -> NoReturn:
    """End with one line."""
    print(f"error: {message} Try: the manifests next to this file.", file=sys.stderr)
    sys.exit(BAD_OPTIONS)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
