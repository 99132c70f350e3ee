"""How long it takes from a push of data to the image in the registry, and to find nothing new.

A clone pushes rows to a bare repository and to S3 (`tools/services up`); a second, empty clone runs
`issuesum retrain`. It reuses only layers that Docker Engine keeps. Training is left out. Then
`retrain` with nothing to do and `dvc status` take turns.
"""

import argparse
import json
import os
import secrets
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import ANY_MODEL, ROOT, Project, Ratio, print_ratios, run
from issuesum.layout import RUNS
from issuesum.lineage.runs import record as runs
from issuesum.shipping.image.engine import engine

WANTED, WANTED_RATIO = 90, 2.0
_NOTHING_TO_DO = 11


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issues", required=True, help="CSV, as `issuesum ingest` takes it")
    parser.add_argument("--epochs", type=int, default=1, help="of training, which is left out")
    parser.add_argument("--repeats", type=int, default=5, help="with nothing to do; the median")
    given = parser.parse_args()
    name = f"benchmark-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            _measure(Path(folder), name, given)
        finally:
            _clean_up(name)


def _measure(folder: Path, name: str, given: argparse.Namespace) -> None:
    top = Project(folder, ROOT)
    top.run("git", "clone", "--quiet", "--bare", str(ROOT), "bare.git")
    top.run("git", "--git-dir=bare.git", "branch", "--force", "pushed", "HEAD")
    top.run("git", "clone", "--quiet", "--branch=pushed", "bare.git", "ours")
    ours, theirs = (Project(folder / clone, folder / clone) for clone in ("ours", "theirs"))
    ours.forget_runs()
    ours.change({**ANY_MODEL, "train.epochs": given.epochs, "export.image": name})
    ours.run("dvc", "remote", "modify", "storage", "url", f"s3://issuesum/{name}")
    ours.run("issuesum", "ingest", "--force", str(Path(given.issues).resolve()))
    ours.commit("Take issues")
    pushing = ours.run("dvc", "push", "--quiet").seconds
    pushing += ours.run("git", "push", "--quiet").seconds
    top.run("git", "clone", "--quiet", "--branch=pushed", "bare.git", "theirs")
    whole = theirs.run("issuesum", "retrain").seconds
    done = reversed(runs.read_all(theirs.path / RUNS))
    stages = {run.stage: run.seconds or 0.0 for run in done}
    looks = [
        (
            theirs.run("dvc", "status").seconds,
            theirs.run("issuesum", "retrain", ends_with=_NOTHING_TO_DO).seconds,
        )
        for _ in range(given.repeats + 1)
    ][1:]  # the first pays for files that the machine has not read yet
    data = json.loads((theirs.path / "eval/data.json").read_text(encoding="utf-8"))
    print(f"{os.cpu_count()} CPUs, {data['rows']['read']:,} rows, load {os.getloadavg()[0]:.1f}")
    report(pushing, whole, stages, looks)


def report(
    pushing: float, whole: float, stages: Mapping[str, float], looks: Sequence[tuple[float, float]]
) -> None:
    """Print seconds; `looks` are of `dvc status` and of `retrain` with nothing to do."""
    rest = pushing + whole - stages["train"]
    status, nothing = (statistics.median(each) for each in zip(*looks, strict=True))
    print(f"push of the data               {pushing:7.1f} s")
    for stage, seconds in stages.items():
        print(f"{stage:30s} {seconds:7.1f} s")
    print(f"DVC, S3 and Git around them    {whole - sum(stages.values()):7.1f} s")
    print(f"all but training               {rest:7.1f} s")
    print(f"dvc status                     {status:7.2f} s")
    print(f"retrain with nothing to do     {nothing:7.2f} s")
    what = f"push of data to image without training: time vs. {WANTED} s"
    print_ratios([
        Ratio(what, rest / WANTED, 1),
        Ratio("retrain with nothing to do: time vs. dvc status", nothing / status, WANTED_RATIO),
    ])  # fmt: skip


def _clean_up(name: str) -> None:
    import s3fs  # type: ignore[import-untyped]

    files = s3fs.S3FileSystem()
    if files.exists(f"issuesum/{name}"):
        files.rm(f"issuesum/{name}", recursive=True)
    with engine() as client:
        for image in client.images.list():
            if any(f"/{name}:" in tag for tag in image.tags):
                client.images.remove(str(image.id), force=True)


if __name__ == "__main__":
    run(main)
