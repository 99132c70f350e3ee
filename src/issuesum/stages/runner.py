"""What every stage has around it: params, one-line errors, an honest lock, a record of the run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from issuesum.console import VERBOSE, explained, reader_gone, say
from issuesum.errors import IssuesumError
from issuesum.files import checking_before_replacing
from issuesum.layout import RECEIPT
from issuesum.lineage.dependencies import Content, check_unchanged, hash_all, read_inputs
from issuesum.lineage.receipt import Receipt
from issuesum.stages.params import Params, Stage, load_params
from issuesum.stages.recording import Recording, recording

Body = Callable[[Params], Mapping[str, int | str] | None]
"""A stage's work; it may return facts for its record: `rows`, `device`."""
ROOT = Path()


def run(stage: Stage, body: Body) -> None:
    """Run `body` with the checked params and end the process with the right exit code.

    The stage fails, before it replaces an output, if a dependency in dvc.yaml is not what it was at
    the start: DVC, which hashes afterwards, would record it with outputs of something else. With
    ISSUESUM_VERBOSE=1 in the environment a foreseeable failure shows its traceback.
    """
    try:
        if _is_chief(stage):
            with recording(stage, ROOT) as record:
                _run_watched(stage, body, record)
        else:  # it writes nothing, and its chief records the run
            body(load_params())
    except BrokenPipeError:
        sys.exit(reader_gone())
    except (IssuesumError, OSError) as error:
        if os.environ.get(VERBOSE):
            raise
        known = explained(error)
        say("error", f"{stage}: {known}")
        sys.exit(known.exit_code)


def _run_watched(stage: Stage, body: Body, record: Recording) -> None:
    inputs = read_inputs(stage, ROOT)
    if inputs is None:  # no repository: nobody will hash anything
        record.note(**(body(load_params()) or {}))
        return
    record.note(**_noted("deps", "bytes_in", inputs.contents))

    def check(target: Path) -> None:
        if target.as_posix() in inputs.outs:
            check_unchanged(inputs, stage, ROOT)

    with checking_before_replacing(check):
        record.note(**(body(load_params()) or {}))
    check_unchanged(inputs, stage, ROOT)
    outs = hash_all(inputs.outs, ROOT)
    record.note(**_noted("outs", "bytes_out", outs))
    if RECEIPT.as_posix() in outs:
        record.note(image=Receipt.load().image)


def _noted(name: str, size: str, contents: Mapping[str, Content]) -> dict[str, object]:
    items = {path: content.item for path, content in contents.items()}
    return {name: items, size: sum(item.size or 0 for item in items.values())}


def _is_chief(stage: Stage) -> bool:
    config = os.environ.get("TF_CONFIG")
    if stage != "train" or not config:
        return True
    # Must be set before TensorFlow is loaded, as in the stage.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from issuesum.training.model.distribution import read_cluster

    return read_cluster(config).is_chief
