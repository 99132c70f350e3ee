"""Run `issuesum ingest --append` in copies of a project, and kill it or let the disk be full.

A process of its own, which has imported everything and forks: imports take longer than a command.
Arguments: the project, a folder for the copies, how many, and `kill` or `full`. For each copy a
line of JSON is printed: what was there after the interruption, and how the same command then ended.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import dvc_data.hashfile.checkout
import dvc_data.hashfile.transfer  # noqa: F401 -- so that no child imports it

from issuesum.cli import main
from issuesum.training.corpus import ingest  # noqa: F401

RAW = Path("data/raw/github_issues.csv")


def start(folder: Path, limit: int | None = None) -> int:
    """Start the command in a child and return its process id."""
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    child = os.fork()
    if child:
        os.close(log)
        return child
    os.chdir(folder)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.argv = ["issuesum", "ingest", "--append", "more.csv"]
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 -- a traceback is what must not be
        traceback.print_exc()
        code = 99
    os._exit(code)


def code_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def state(folder: Path) -> dict[str, object]:
    """Return the hash of the data, the recorded one, and whether the cache has the data."""
    md5 = hashlib.md5((folder / RAW).read_bytes(), usedforsecurity=False).hexdigest()
    recorded = (folder / f"{RAW}.dvc").read_text().split("md5: ")[1].split()[0]
    cached = folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    kept = cached.is_file() and hashlib.md5(cached.read_bytes()).hexdigest() == md5  # noqa: S324
    return {"data": md5, "recorded": recorded, "cached": kept}


def report(**found: object) -> None:
    sys.stdout.write(json.dumps(found) + "\n")


def interrupt(project: Path, copies: Path, count: int, how: str) -> None:
    for _ in range(2):  # the second is as fast as those that follow
        whole = copies / "whole"
        shutil.rmtree(whole, ignore_errors=True)
        shutil.copytree(project, whole, symlinks=True)
        began = time.monotonic()
        assert code_of(start(whole)) == 0, (whole / "log").read_text()
    took, size = time.monotonic() - began, (whole / RAW).stat().st_size
    report(**state(whole))
    chance = random.Random(16)  # noqa: S311
    for number in range(count):
        folder = copies / str(number)
        shutil.copytree(project, folder, symlinks=True)
        if how == "kill":
            child = start(folder)
            time.sleep(chance.uniform(0, took))
            os.kill(child, signal.SIGKILL)
        else:
            child = start(folder, limit=chance.randrange(size + 1))
        ended = code_of(child)
        stderr, after = (folder / "log").read_text(), state(folder)
        again = code_of(start(folder))
        report(ended=ended, stderr=stderr, after=after, again=again, finally_=state(folder))
        shutil.rmtree(folder)


if __name__ == "__main__":
    interrupt(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
