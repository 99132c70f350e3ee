"""Run all benchmarks, each as a process of its own, and write docs/benchmarks.md.

    python benchmarks/suite.py [--issues FILE] [--only NAME] [--quick] [--bundle DIR]
    python benchmarks/suite.py --only preprocess -- --rows 100000 1000000 5000000

`make benchmarks` starts the local services first. What each printed is kept in
benchmarks/results.json, from which the page is written anew after every one; so what was not run
stays as it was. One that fails is told on the page with its reason, the others still run, and the
exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import figures
import machine
import page
import results
from catalogue import BENCHMARKS, BUNDLE, ISSUES, Benchmark
from issuesum import layout as paths
from issuesum.errors import ArtifactError, DataError, IssuesumError
from issuesum.files import replacing_file
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import read_issues
from issuesum.training.corpus.sample import generate
from issuesum.training.corpus.writing import write_issues
from project import ROOT, Project
from results import Result

PAGE = Path("docs/benchmarks.md")
RESULTS = Path("benchmarks/results.json")
_ROWS, _FEW_ROWS = 5_000, 1_000
_SEED = 20_180_601
_UPDATES = 200
"""Of the model that is trained where there is none: enough for titles of usual lengths."""
_LONGEST = 500


@dataclass(frozen=True)
class Input:
    """What the benchmarks are given.

    Attributes:
        issues: a CSV.
        real: whether it is the user's, or synthetic.
        bundle: what build wrote, or would write.
        folder: for what is made here.
    """

    issues: Path
    real: bool
    bundle: Path
    folder: Path

    @cached_property
    def described(self) -> str:
        """The issues in words, without a path.

        Raises:
            DataError: there is none.
        """
        rows = sum(isinstance(row, Issue) for row in read_issues(self.issues))
        if not rows:
            raise DataError(
                f"{self.issues} must hold usable rows. Received: none. Try: another --issues."
            )
        return f"{rows:,} {f'issues of {self.issues.name}' if self.real else 'synthetic issues'}"

    def fill(self, arguments: tuple[str, ...]) -> list[str]:
        """Return arguments with paths in place of ISSUES and BUNDLE; make the bundle if need be."""
        if BUNDLE in arguments and not (self.bundle / "model").is_dir():
            _train(self.issues, self.bundle)
        given = {ISSUES: str(self.issues), BUNDLE: str(self.bundle)}
        return [given.get(of, of) for of in arguments]

    def redact(self, text: str) -> str:
        """Return a text that tells nothing of this machine's folders."""
        shown = {
            str(self.issues): self.issues.name,
            str(self.bundle): self.bundle.name,
            f"{ROOT}{os.sep}": "",
            str(ROOT): ".",
            tempfile.gettempdir(): "$TMPDIR",
        }
        for path, name in shown.items():
            text = text.replace(path, name)
        return text


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--issues", type=Path, help="CSV of real issues; by default synthetic ones")
    parser.add_argument(
        "--only", action="append", choices=[of.name for of in BENCHMARKS], help="may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="give each less to do")
    parser.add_argument("--bundle", type=Path, help="whose model is served and exported")
    parser.add_argument("more", nargs="*", help="behind --: arguments for the one of --only")
    given = parser.parse_args()
    chosen = [of for of in BENCHMARKS if not given.only or of.name in given.only]
    if given.more:
        if len(chosen) > 1:
            parser.error("arguments behind -- must be for the one of --only")
        chosen = [replace(chosen[0], always=(*chosen[0].always, *given.more))]
    try:
        with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
            failed = _run_all(chosen, _input(given, Path(folder)), quick=given.quick)
    except IssuesumError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(f"stopped; what was done before is in {PAGE}")
    if failed:
        sys.exit(f"error: {', '.join(failed)} failed; {PAGE} says why")


def _input(given: argparse.Namespace, folder: Path) -> Input:
    if given.bundle and not (given.bundle / "model").is_dir():
        raise ArtifactError(
            f"{given.bundle} must hold a model. Received: none. Try: serving/bundle."
        )
    issues = given.issues
    if not issues:
        issues = folder / "sample.csv"
        write_issues(issues, generate(_FEW_ROWS if given.quick else _ROWS, _SEED))
    bundle = given.bundle or ROOT / paths.BUNDLE
    if not given.bundle and not (bundle / "model").is_dir():
        bundle = folder / "briefly_trained"
    return Input(issues.resolve(), bool(given.issues), bundle.resolve(), folder)


def _run_all(chosen: list[Benchmark], given: Input, *, quick: bool) -> list[str]:
    """Run the chosen ones, write the page after each, and return the names of those that failed."""
    print(f"{given.described}; {machine.describe()['CPU']}")
    kept = results.load(ROOT / RESULTS)
    failed = []
    for number, benchmark in enumerate(chosen, start=1):
        named = f"[{number}/{len(chosen)}] {benchmark.name}"
        if benchmark.only_real and not given.real:
            print(f"{named}: left out, since synthetic issues would tell nothing")
            continue
        print(f"{named} …", flush=True)
        result = kept[benchmark.name] = _run(benchmark, given, quick=quick)
        results.save(kept, ROOT / RESULTS)
        with replacing_file(ROOT / PAGE) as temporary:
            temporary.write_text(page.render(kept), encoding="utf-8")
        if result.failure:
            failed.append(benchmark.name)
        print(f"{named}: {result.failure or 'done'}, {result.seconds:.0f} s", flush=True)
    return failed


def _run(benchmark: Benchmark, given: Input, *, quick: bool) -> Result:
    ratios = given.folder / f"{benchmark.name}.json"
    script = f"benchmarks/{benchmark.name}.py"
    arguments = benchmark.arguments(real=given.real, quick=quick)
    output, failure, filled = "", None, []
    try:
        filled = given.fill(arguments)
    except (IssuesumError, SystemExit) as error:  # a stage that fails ends its benchmark
        failure = f"No model could be made: {error}"
    date = datetime.now(UTC).isoformat(timespec="seconds")
    commit = machine.commit(ROOT, RESULTS.as_posix())  # before somebody goes on editing
    started = time.perf_counter()
    if not failure:
        output, failure = run_script([str(ROOT / script), *filled, "--json", str(ratios)])
    names = {ISSUES: given.issues.name, BUNDLE: given.bundle.name}
    return Result(
        command=" ".join(("python", script, *(names.get(of, _shown(of)) for of in arguments))),
        input=given.described,
        quick=quick,
        date=date,
        commit=commit,
        machine=machine.describe(),
        seconds=round(time.perf_counter() - started, 1),
        ratios=figures.read(ratios),
        output=given.redact(output),
        failure=given.redact(failure) if failure else None,
    )


def _shown(argument: str) -> str:
    return Path(argument).name if Path(argument).exists() else argument


def run_script(command: list[str]) -> tuple[str, str | None]:
    """Run a Python script; what it prints is shown on a terminal too.

    Returns:
        What it printed, and why it failed, on one line, or None.
    """
    lines = []
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [sys.executable, "-u", *command],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True,
        ) as process,
    ):  # fmt: skip
        for line in process.stdout or ():
            lines.append(line)
            if sys.stdout.isatty():
                print(f"    {line}", end="", flush=True)
        if not process.wait():
            return "".join(lines), None
        errors.seek(0)
        return "".join(lines), _reason(errors.read()) or f"exit code {process.returncode}"


def _reason(errors: str) -> str:
    """Return the line that says why: the last one of ours, or else the last."""
    said = [line.strip() for line in errors.splitlines() if line.strip()]
    ours = [line for line in said if line.startswith("error: ")]
    return (ours or said or [""])[-1].removeprefix("error: ")[:_LONGEST]


def _train(issues: Path, bundle: Path) -> None:
    """Make a bundle with a model that learnt a little, or end this process if a stage fails."""
    project = Project(bundle.with_name("brief"))
    project.change({"train.max_steps": _UPDATES})
    project.ingest([issues])
    for stage in ("split", "preprocess", "train", "build"):
        project.stage(stage)
    (project.folder / paths.BUNDLE).rename(bundle)


if __name__ == "__main__":
    main()
