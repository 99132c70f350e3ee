"""What every stage has around it: params, one-line errors, an honest lock, a record of the run."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from issuesum.console import INTERRUPTED, VERBOSE, explained, interrupted, reader_gone, say
from issuesum.errors import IssuesumError, RepositoryError, one_line
from issuesum.files import checking_before_replacing, replaceable
from issuesum.layout import RECEIPT, RUNS
from issuesum.lineage import dependencies, git
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
            with _ended_by_sigterm(), _recorded(stage) as note:
                _run_watched(stage, body, note)
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


def _run_watched(stage: str, body: Body, note: Callable[..., None]) -> None:
    dependencies.check_installed(stage, ROOT)
    params = load_params()
    inputs = dependencies.read_inputs(stage, ROOT, params.model_dump())
    if inputs is None:  # no repository: nobody will hash anything
        note(**(body(params) or {}))
        return
    note(**_contents("deps", "bytes_in", inputs.contents))
    for out in filter(Path.is_dir, map(Path, inputs.outs)):
        replaceable(out)  # raises before anything is computed
    check_current(inputs.contents, ROOT)

    def check(target: Path | None = None) -> None:
        if target is None or target.as_posix() in inputs.outs:
            dependencies.check_unchanged(inputs, stage, ROOT, load_params().model_dump())

    with checking_before_replacing(check):
        note(**(body(params) or {}))
    check()
    outs = dependencies.hash_all(inputs.outs, ROOT)
    note(**_contents("outs", "bytes_out", outs))
    if RECEIPT.as_posix() in outs:
        note(image=Receipt.load().image)


def _is_chief(stage: str) -> bool:
    config = os.environ.get("TF_CONFIG")
    if stage != "train" or not config:
        return True
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded
    from issuesum.training.model.distribution import read_cluster

    return read_cluster(config).is_chief


@contextmanager
def _recorded(stage: str) -> Iterator[Callable[..., None]]:
    """Give what notes facts in the record of this run, which is written as it begins and ends."""
    try:
        commit, dirty = git.head(ROOT), bool(git.changed_files(ROOT))
    except git.ForeignRepositoryError:
        raise
    except RepositoryError:
        commit, dirty = None, False
    record, clock, writable = runs.RunRecord.begin(stage), time.monotonic(), True

    def note(**values: object) -> None:
        nonlocal record
        record = replace(record, **values)  # type: ignore[arg-type]

    def write() -> None:
        nonlocal writable
        try:
            if writable:
                runs.write(record, RUNS)
        except OSError as error:  # the stage goes on
            writable = False
            say("warning", f"this run is not recorded in {RUNS}: {one_line(error)}")

    note(commit=commit, dirty=dirty, user=git.user(ROOT))
    write()
    try:
        yield note
        note(state="done")
    except BaseException as error:
        reason, code = _failure(error)
        note(state="failed", error=reason, exit_code=code)
        raise
    finally:
        note(seconds=round(time.monotonic() - clock, 2))
        write()


def _contents(name: str, size: str, of: Mapping[str, dependencies.Content]) -> dict[str, Any]:
    items = {path: content.item for path, content in of.items()}
    return {name: items, size: sum(item.size or 0 for item in items.values())}


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
    if os.environ.get("TF_CONFIG") or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
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
