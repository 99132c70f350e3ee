"""A project in a folder of its own, in which a benchmark runs stages as users run them.

Only what stages read is copied, so nothing of the repository is touched; the code is the installed
package, which in a checkout is the checkout's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from issuesum.layout import DOCKERFILE, RAW, SERVING
from issuesum.stages.params import PARAMS_FILE, Params, Stage, load_params
from issuesum.training.corpus.ingest import ingest

ROOT = Path(__file__).parents[1]
_COPIED = (
    PARAMS_FILE,
    DOCKERFILE,
    SERVING / "IssueSummarization.py",
    SERVING / "requirements.txt",
)
_DATA = "data"
PATIENT = {"export.smoke_timeout": 600}
"""A busy machine makes a benchmark slow; it must not make it fail."""
_OF_THE_MACHINE = ("ISSUESUM_CACHE", "TF_CONFIG")
"""Variables that would have a stage use what is the user's, or wait for other workers."""

type Changes = Mapping[str, Any]
"""Values of params.yaml by dotted name, as in `train.arch`."""


@dataclass(frozen=True)
class Run:
    """What a stage took, imports included, and what it printed."""

    seconds: float
    output: str


class Project:
    """What stages read, and where they write."""

    def __init__(self, folder: Path) -> None:
        """Copy params.yaml and what the image is made of.

        Args:
            folder: made if it does not exist.
        """
        self.folder = folder
        for path in _COPIED:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / path)

    @property
    def params(self) -> Params:
        """The checked params."""
        return load_params(self.folder / PARAMS_FILE)

    def change(self, changes: Changes) -> None:
        """Replace values of params.yaml.

        Raises:
            ParamsError: a name or a value is none of params.yaml.
        """
        path = self.folder / PARAMS_FILE
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, value in changes.items():
            *sections, key = name.split(".")
            section = params
            for of in sections:
                section = section.setdefault(of, {})
            section[key] = value
        path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
        load_params(path)

    def ingest(self, sources: Sequence[Path]) -> None:
        """Make the usable rows of all sources the raw data, as `issuesum ingest --append` does.

        Raises:
            DataError: a source cannot be used.
        """
        for source in sources:
            rejects = self.folder / RAW.with_name("rejects.csv")
            ingest(str(source), self.folder / RAW, rejects, append=True)

    def fork(self, name: str, changes: Changes) -> Self:
        """Return another project with the same data, whose params differ by `changes`.

        Args:
            name: of its folder in this one.
            changes: see `change`.
        """
        other = type(self)(self.folder / name)
        shutil.copyfile(self.folder / PARAMS_FILE, other.folder / PARAMS_FILE)
        (other.folder / _DATA).symlink_to((self.folder / _DATA).resolve())
        other.change(changes)
        return other

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401
        """Start this Python with a command line, in the project.

        Args:
            command: what follows `python`.
            options: of `subprocess.Popen`; `env` is added to the variables of this process.
        """
        env = {**inherited(), "TF_CPP_MIN_LOG_LEVEL": "3", **options.pop("env", {})}
        return subprocess.Popen(
            [sys.executable, *command], cwd=self.folder, env=env, text=True, **options
        )

    def stage(self, name: Stage) -> Run:
        """Run a stage to its end, or end this process if it fails."""
        say(f"{name} in {self.folder}")
        started = time.perf_counter()
        process = self.start("-m", f"issuesum.stages.{name}", stdout=subprocess.PIPE)
        output, _ = process.communicate()
        if process.returncode:
            sys.exit(f"{name} failed")
        return Run(time.perf_counter() - started, output)


def inherited() -> dict[str, str]:
    """Return this process's variables without those that are about the user's own runs."""
    return {k: v for k, v in os.environ.items() if k not in _OF_THE_MACHINE}


def say(line: str) -> None:
    """Tell who sits at a terminal what is being done."""
    if sys.stderr.isatty():
        print(line, file=sys.stderr)
