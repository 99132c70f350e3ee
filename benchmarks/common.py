"""What the benchmarks share: projects in which commands run as users run them, and ratios."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil
from dvc.utils.hydra import apply_overrides

from issuesum.automation.retraining.results import reading_overrides
from issuesum.errors import IssuesumError
from issuesum.layout import DOCKERFILE, PARAMS, RAW, SERVING
from issuesum.stages.params import Params, load_params
from issuesum.training.corpus.ingest import ingest
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import read_issues

ROOT = Path(__file__).parents[1]


def train(**values: object) -> dict[str, object]:
    """Return params of the train stage by their dotted names."""
    return {f"train.{name}": value for name, value in values.items()}


# The gate refuses no model, and a busy machine makes a benchmark slow but does not make it fail.
ANY_MODEL = {
    **{f"evaluate.gate.min_over_{name}": -100 for name in ("lead", "neighbour")},
    "evaluate.gate.min_rouge_l": 0,
    "export.smoke_timeout": 600,
}
EXAMPLE = train(  # the 2018 example's model
    arch="seq2seq", embedding_dim=300, hidden_units=300, dropout=0.0, word_dropout=0.0,
    label_smoothing=0.0, learning_rate=0.001,
)  # fmt: skip
_OF_EARLIER_RUNS = ("dvc.lock", "eval/data.json", "eval/metrics.json", "serving/image.json")
# With these a stage would use the user's files, or wait for other workers.
_OF_THE_USER = ("ISSUESUM_CACHE", "TF_CONFIG")
_IDENTITY = {
    f"GIT_{role}_{key}": "benchmark@example.com"
    for role in ("AUTHOR", "COMMITTER")
    for key in ("NAME", "EMAIL")
}


@dataclass(frozen=True)
class Ratio:
    """Two measures of one run, the first divided by the second; and what the docs promise."""

    what: str
    value: float
    at_most: float | None = None

    def __str__(self) -> str:
        digits = f"{self.value:,.0f}" if self.value >= 100 else f"{self.value:.3g}"  # noqa: PLR2004
        promised = "" if self.at_most is None else f" (promised: at most {self.at_most:g})"
        return f"{digits:>8}  {self.what}{promised}"


def print_ratios(ratios: Iterable[Ratio]) -> None:
    print("\nratios", *ratios, sep="\n")


@dataclass(frozen=True)
class Done:
    """What a command printed, its seconds, and the peak memory of it and its children."""

    output: str
    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Project:
    """A folder in which commands run, with the package of a clone."""

    path: Path
    code: Path

    @classmethod
    def clone(cls, path: Path) -> Self:
        """Clone this repository's HEAD, as if it had never been run."""
        subprocess.run(["git", "clone", "--quiet", ROOT, path], check=True)
        project = cls(path, path)
        project.forget_runs()
        return project

    def forget_runs(self) -> None:
        """Remove what earlier runs committed."""
        for path in _OF_EARLIER_RUNS:
            (self.path / path).unlink(missing_ok=True)

    def fork(self, name: str, changes: Mapping[str, Any]) -> Self:
        """Return a folder next to this one with the same data, whose params differ by `changes`."""
        other = type(self)(self.path.with_name(name), self.code)
        code = ("IssueSummarization.py", "requirements.txt")
        for path in (PARAMS, DOCKERFILE, *(SERVING / name for name in code)):
            (other.path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.path / path, other.path / path)
        (other.path / "data").symlink_to((self.path / "data").resolve())
        other.change(changes)
        return other

    @property
    def params(self) -> Params:
        return load_params(self.path / PARAMS)

    def change(self, values: Mapping[str, Any]) -> Params:
        """Set values of params.yaml by their dotted names; ParamsError if one is not allowed."""
        with reading_overrides("A param"):
            apply_overrides(self.path / PARAMS, [f"{key}={value}" for key, value in values.items()])
        return self.params

    def ingest(self, sources: Sequence[Path]) -> None:
        """Make the usable rows of all sources the raw data; DataError if one cannot be used."""
        raw = self.path / RAW
        for source in sources:
            ingest([str(source)], raw, raw.with_name("rejects.csv"), after=raw)

    def commit(self, message: str) -> None:
        """Commit everything that Git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def run(self, *command: str, ends_with: int | None = 0, weigh: bool = False) -> Done:
        """Run a command, or end this process if its exit code is not `ends_with`; None takes any.

        `weigh` also measures its memory, which costs a little time.
        """
        started = time.perf_counter()
        with (
            self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
            ThreadPoolExecutor() as watcher,
        ):
            peak = watcher.submit(_peak_mb, psutil.Process(process.pid)) if weigh else None
            output, errors = process.communicate()
            seconds = time.perf_counter() - started
        if ends_with not in {None, process.returncode}:
            sys.exit(f"{command} ended with {process.returncode}\n{output}{errors}")
        return Done(output, seconds, peak.result() if peak else 0.0)

    def stage(self, name: str, *, weigh: bool = False) -> Done:
        """Run a stage by itself, without DVC around it."""
        return self.run("python", "-m", "issuesum.stages", name, weigh=weigh)

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401
        """Start a command; `env` is added to the variables."""
        env = {
            **{name: value for name, value in os.environ.items() if name not in _OF_THE_USER},
            **_IDENTITY,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.code / "src"),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **options.pop("env", {}),
        }
        return subprocess.Popen(command, cwd=self.path, env=env, text=True, **options)


def run(main: Callable[[], None]) -> None:
    try:
        main()
    except IssuesumError as error:
        sys.exit(f"error: {error}")


def usable(path: Path) -> Iterator[Issue]:
    """Yield the issues of a CSV, gzipped or not, without rows that cannot be used."""
    return (row for row in read_issues(path) if isinstance(row, Issue))


def read_speeds(table: Path) -> list[float]:
    lines = table.read_text(encoding="utf-8").splitlines()[1:] if table.exists() else []
    return [float(line.split("\t")[1]) for line in lines]


def _peak_mb(process: psutil.Process) -> float:
    """Return the largest sum of resident memory of a process and its children until it ends."""
    peak = 0
    with suppress(psutil.NoSuchProcess):  # it ended meanwhile
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            total = 0
            for member in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    total += member.memory_info().rss
            peak = max(peak, total)
            time.sleep(0.05)
    return peak / 1e6
