"""What every stage has around it: params, one-line errors, an honest lock, a record of the run."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Self

from issuesum.console import INTERRUPTED, VERBOSE, explained, interrupted, reader_gone, say
from issuesum.errors import IssuesumError, RepositoryError, one_line
from issuesum.files import checking_before_replacing, replaceable
from issuesum.layout import RECEIPT, RUNS
from issuesum.lineage import git
from issuesum.lineage.dependencies import (
    Content,
    check_installed,
    check_unchanged,
    hash_all,
    read_inputs,
)
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.runs import record as runs
from issuesum.lineage.tracking import check_current
from issuesum.stages.params import Params, load_params

Body = Callable[[Params], Mapping[str, int | str] | None]
"""A stage's work; it may return facts for its record: `rows`, `device`."""
ROOT = Path()


def run(stage: str, body: Body) -> None:
    """Run `body` with the checked params and end the process with the right exit code.

    The stage fails if other libraries are installed than it depends on, if Git has another version
    of its data (`check_current`), and, before it replaces an output, if a dependency in dvc.yaml
    has changed since the start: DVC, which hashes afterwards, would record them with outputs of
    something else.
    """
    try:
        if _is_chief(stage):
            with _ended_by_sigterm(), _Recording(stage) as record:
                _run_watched(stage, body, record)
        else:  # it writes nothing, and its chief records the run
            body(load_params())
    except BrokenPipeError:
        sys.exit(reader_gone())
    except KeyboardInterrupt:
        sys.exit(interrupted(f"{stage}: "))
    except (IssuesumError, OSError) as error:
        if os.environ.get(VERBOSE):
            raise
        known = explained(error)
        say("error", f"{stage}: {known}")
        sys.exit(known.exit_code)


def _run_watched(stage: str, body: Body, record: "_Recording") -> None:
    check_installed(stage, ROOT)
    params = load_params()
    inputs = read_inputs(stage, ROOT, params.model_dump())
    if inputs is None:  # no repository: nobody will hash anything
        record.note(**(body(params) or {}))
        return
    record.note_contents("deps", "bytes_in", inputs.contents)
    for out in filter(Path.is_dir, map(Path, inputs.outs)):
        replaceable(out)  # raises before anything is computed
    check_current(inputs.contents, ROOT)

    def check(target: Path | None = None) -> None:
        if target is None or target.as_posix() in inputs.outs:
            check_unchanged(inputs, stage, ROOT, load_params().model_dump())

    with checking_before_replacing(check):
        record.note(**(body(params) or {}))
    check()
    outs = hash_all(inputs.outs, ROOT)
    record.note_contents("outs", "bytes_out", outs)
    if RECEIPT.as_posix() in outs:
        record.note(image=Receipt.load().image)


def _is_chief(stage: str) -> bool:
    config = os.environ.get("TF_CONFIG")
    if stage != "train" or not config:
        return True
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded
    from issuesum.training.model.distribution import read_cluster

    return read_cluster(config).is_chief


class _Recording:
    def __init__(self, stage: str) -> None:
        try:
            commit, dirty = git.head(ROOT), bool(git.changed_files(ROOT))
        except git.ForeignRepositoryError:
            raise
        except RepositoryError:
            commit, dirty = None, False
        self._record = runs.RunRecord.begin(stage)
        self.note(commit=commit, dirty=dirty, user=git.user(ROOT))
        self._clock, self._writable = time.monotonic(), True
        self._write()

    def note(self, **values: object) -> None:
        self._record = replace(self._record, **values)  # type: ignore[arg-type]

    def note_contents(self, name: str, size: str, contents: Mapping[str, Content]) -> None:
        items = {path: content.item for path, content in contents.items()}
        self.note(**{name: items, size: sum(item.size or 0 for item in items.values())})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.note(seconds=round(time.monotonic() - self._clock, 2), state="done")
        if error:
            reason, code = _failure(error)
            self.note(state="failed", error=reason, exit_code=code)
        self._write()

    def _write(self) -> None:
        try:
            if self._writable:
                runs.write(self._record, RUNS)
        except OSError as error:  # the stage goes on
            self._writable = False
            say("warning", f"this run is not recorded in {RUNS}: {one_line(error)}")


def _failure(error: BaseException) -> tuple[str, int]:
    """Return why and with which exit code a stage ends."""
    reason = one_line(error)
    named = ": ".join(filter(None, (type(error).__name__, reason)))
    match error:
        case _Terminated():
            return "ended by SIGTERM", 128 + signal.SIGTERM
        case KeyboardInterrupt():
            return "interrupted", INTERRUPTED
        case IssuesumError() | OSError():
            return reason or named, explained(error).exit_code
        case SystemExit(code=int(code)):
            return named, code
    return named, 1


class _Terminated(SystemExit):
    """SIGTERM came; the exit code is the one that shells use for it."""


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    # Not in a training of several workers: one that waits in TensorFlow for others would not end.
    own = threading.current_thread() is threading.main_thread()
    if not own or os.environ.get("TF_CONFIG") or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    process = os.getpid()

    def end(number: int, _: FrameType | None) -> None:
        if os.getpid() != process:  # a child that was forked
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        raise _Terminated(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
