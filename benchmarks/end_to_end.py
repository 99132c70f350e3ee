"""How long it takes from a push of data to the image in the registry, and to see nothing new.

    python benchmarks/end_to_end.py --issues FILE [--epochs 1] [--repeats 5]

A clone of this repository's HEAD takes the rows, and pushes them to a bare repository and to S3
(`tools/services up`); a second, empty clone does what CI and tools/post-receive do: `issuesum
retrain`. Nothing of an earlier run helps it but layers that Docker Engine keeps. Training can be
made as short as one likes: what is asked is all the rest. Then `retrain` with nothing to do is
timed in turns with `dvc status`.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import sys
import tempfile
from pathlib import Path

from issuesum.shipping.image.engine import engine

import figures
from clone import ANY_MODEL, Clone
from figures import Ratio
from issuesum.errors import IssuesumError
from issuesum.layout import RUNS
from issuesum.lineage.runs import record as runs
from project import PATIENT, ROOT

WANTED, WANTED_RATIO = 90, 2.0
_NOTHING_TO_DO = 10


def main() -> None:
    """Push, retrain, look twice, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issues", required=True, help="CSV, as `issuesum ingest` takes it")
    parser.add_argument(
        "--epochs", type=int, default=1, help="of training, which is not what is asked"
    )
    parser.add_argument(
        "--repeats", type=int, default=5, help="of the looks; the median is printed"
    )
    figures.add_option(parser)
    given = parser.parse_args()
    name = f"benchmark-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            figures.hand_over(_measure(Path(folder), name, given), given.json)
        except IssuesumError as error:
            sys.exit(f"error: {error}")
        finally:
            _clean_up(name)


def _measure(folder: Path, name: str, given: argparse.Namespace) -> list[Ratio]:
    top = Clone(folder)
    top.run("git", "clone", "--quiet", "--bare", str(ROOT), "bare.git")
    top.run("git", "--git-dir=bare.git", "branch", "--force", "pushed", "HEAD")
    top.run("git", "clone", "--quiet", "--branch=pushed", "bare.git", "ours")
    ours, theirs = Clone(folder / "ours"), Clone(folder / "theirs")
    _begin(ours, name, given)
    pushing = ours.run("dvc", "push", "--quiet") + ours.run("git", "push", "--quiet")
    top.run("git", "clone", "--quiet", "--branch=pushed", "bare.git", "theirs")
    whole = theirs.run("issuesum", "retrain")
    stages = {run.stage: run.seconds or 0.0 for run in runs.read_all(theirs.path / RUNS)}
    looks = [
        (theirs.run("dvc", "status"), theirs.run("issuesum", "retrain", ends_with=_NOTHING_TO_DO))
        for _ in range(given.repeats + 1)
    ][1:]  # the first pays for files that the machine has not read yet
    return _print(pushing, whole, stages, looks, rows=_rows(theirs))


def _begin(ours: Clone, name: str, given: argparse.Namespace) -> None:
    """Take the rows into a project that was never run, with a folder and an image of its own."""
    ours.forget_runs()
    values = {**ANY_MODEL, **PATIENT, "train.epochs": given.epochs, "export.image": name}
    ours.change(values.items())
    ours.run("dvc", "remote", "modify", "storage", "url", f"s3://issuesum/{name}")
    ours.run("issuesum", "ingest", "--force", str(Path(given.issues).resolve()))
    ours.commit("Take issues")


def _rows(clone: Clone) -> int:
    told = json.loads((clone.path / "eval/data.json").read_text(encoding="utf-8"))
    return int(told["rows"]["read"])


def _clean_up(name: str) -> None:
    import s3fs  # type: ignore[import-untyped]

    files = s3fs.S3FileSystem()
    if files.exists(f"issuesum/{name}"):
        files.rm(f"issuesum/{name}", recursive=True)
    with engine() as client:
        for image in client.images.list():
            if any(f"/{name}:" in tag for tag in image.tags):
                client.images.remove(str(image.id), force=True)


def _print(
    pushing: float,
    whole: float,
    stages: dict[str, float],
    looks: list[tuple[float, float]],
    *,
    rows: int,
) -> list[Ratio]:
    between = whole - sum(stages.values())
    rest = pushing + whole - stages["train"]
    print(f"{os.cpu_count()} CPUs, {rows:,} rows, load {os.getloadavg()[0]:.1f}")
    print(f"push of the data               {pushing:7.1f} s")
    for stage in ("split", "preprocess", "train", "build", "evaluate", "export"):
        print(f"{stage:30s} {stages[stage]:7.1f} s")
    print(f"DVC, S3 and Git around them    {between:7.1f} s")
    print(f"all but training               {rest:7.1f} s   wanted: at most {WANTED} s")
    status = statistics.median(look[0] for look in looks)
    nothing = statistics.median(look[1] for look in looks)
    print(f"dvc status                     {status:7.2f} s")
    print(f"retrain with nothing to do     {nothing:7.2f} s   {nothing / status:.2f} times dvc "
          f"status, wanted: at most {WANTED_RATIO:.0f}")  # fmt: skip
    return [
        Ratio(f"push of data to image without training: time beside {WANTED} s", rest / WANTED, 1),
        Ratio("retrain with nothing to do: time beside dvc status", nothing / status, WANTED_RATIO),
    ]


if __name__ == "__main__":
    main()
