"""What the working tree, or a commit, records of its model."""

import csv
import io
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from issuesum import layout
from issuesum.errors import RepositoryError, one_line
from issuesum.lineage.dvc import Lock
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.runs import record as records
from issuesum.training.corpus.profile import DataProfile
from issuesum.training.corpus.shards import SplitSummary
from issuesum.training.evaluation import per_row

CURVES = {
    "loss, validation": "eval/loss",
    "loss, training": "train/loss",
    "ROUGE-L, validation": "eval/rouge_l",
}


@dataclass(frozen=True)
class ModelSide:
    """What is known of one model; what could not be read is None or empty, and in `missing`."""

    name: str  # `working tree`, or 12 digits of the commit
    metrics: Metrics
    profile: DataProfile | None
    split: SplitSummary | None
    scores: pd.DataFrame | None  # eval/scores.csv
    curves: Mapping[str, tuple[tuple[float, float], ...]]  # step and value, by names of `CURVES`
    nodes: Mapping[str, tuple[str, ...]]  # outputs of raw data and each stage, in their order
    hashes: Mapping[str, str]  # what dvc.lock records, by path
    receipt: Receipt | None  # if it is of this model
    params: Mapping[str, Any]  # of the runs, by dotted names, as dvc.lock records them
    runs: Mapping[str, records.RunRecord]  # last of each stage; of the working tree only
    refused: str | None  # why export did not ship this bundle; of the working tree only
    missing: tuple[str, ...]  # what could not be read, and why

    @property
    def counts(self) -> dict[str, int]:
        """What became of the rows of the raw data; empty if it is not known."""
        split = self.split
        return {} if split is None else {
            "raw rows": split.rows,
            "rejected": sum(split.rejected.values()),
            "repeat an earlier one": split.repeated,
            "train": split.train,
            "validation": split.validation,
            "test": split.test,
        }  # fmt: skip

    @property
    def outputs(self) -> list[tuple[str, str, str | None]]:
        """Stage, path and hash of every output, from raw data on."""
        every = ((name, path) for name, paths in self.nodes.items() for path in paths)
        return [(name, path, self.hashes.get(path)) for name, path in every]


def read_side(root: Path, commit: str | None) -> ModelSide:
    """Read a commit of 40 hex digits through Git and DVC's cache, or the working tree if None.

    The remote is asked once, for those of the few small outputs that the cache lacks.
    RepositoryError: there is no DVC repository, or DVC cannot open it at this commit.
    """
    from dvc.exceptions import DvcException

    logging.getLogger("dvc").setLevel(logging.ERROR)
    name = commit[:12] if commit else "working tree"
    try:
        side = _read(root, commit, name)
        if side.missing:
            _fetch(root, commit)
            side = _read(root, commit, name)
    except DvcException as error:
        raise RepositoryError(
            f"{root.resolve()} must be a DVC repository whose pipeline can be read at {name}. "
            f"Received: {one_line(error)}. Try: dvc dag."
        ) from error
    return side


def _fetch(root: Path, commit: str | None) -> None:
    """Bring what a side consists of from the remote to the cache."""
    from dvc.repo import Repo

    logging.disable()  # a remote that is away, say: what is missing is named in any case
    try:
        # DVC lets through what any file system raises.
        with suppress(Exception), Repo(str(root), rev=commit) as repo:
            paths = {out.fs_path: Path(repo.fs.relpath(out.fs_path, repo.root_dir))
                     for out in repo.index.outs if out.hash_info}  # fmt: skip
            small = (layout.SCORES, layout.CURVES)
            if wanted := [path for path, name in paths.items() if name in small]:
                repo.fetch(wanted)
    finally:
        logging.disable(logging.NOTSET)


def _read(root: Path, commit: str | None, name: str) -> ModelSide:
    from dvc.repo import Repo
    from dvc_data.index import DataIndexDirError

    # An empty folder stands in for the remote: one out of reach is waited for at each file.
    empty = str((root / ".dvc/tmp/issuesum-no-remote").resolve())
    offline = {"core": {"remote": "none"}, "remote": {"none": {"url": empty}}}
    runs = [] if commit else records.read_all(root / layout.RUNS)
    missing: list[str] = []

    def get[T](path: Path, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(repo.dvcfs.read_text(path.as_posix(), encoding="utf-8"))
        except (FileNotFoundError, DataIndexDirError):
            missing.append(f"{path} of {name}: not there, or not in the cache (try: dvc fetch)")
        except Exception as error:  # noqa: BLE001 -- a broken file is reported like a missing one
            missing.append(f"{path} of {name}: {one_line(error)}")
        return None

    with Repo(str(root), rev=commit, config=offline) as repo:
        curves = {
            of: get(layout.CURVES / f"plots/metrics/{file}.tsv", _curve)
            for of, file in CURVES.items()
        }
        lock = get(layout.LOCK, Lock.parse) or Lock("", {})
        receipt = get(layout.RECEIPT, TypeAdapter(Receipt).validate_json)
        return ModelSide(
            name=name,
            metrics=get(layout.METRICS, lambda text: Metrics.read(json.loads(text))) or Metrics(),
            profile=get(layout.DATA_PROFILE, DataProfile.from_json),
            split=get(layout.SPLIT_SUMMARY, TypeAdapter(SplitSummary).validate_json),
            scores=get(layout.SCORES, lambda text: per_row.read(io.StringIO(text, newline=""))),
            curves={of: curve for of, curve in curves.items() if curve},
            nodes=_nodes(lock),
            hashes=lock.hashes,
            receipt=receipt if receipt and receipt.is_of(lock.md5(layout.BUNDLE)) else None,
            params=lock.params,
            runs={} if commit else records.last_runs(root / layout.RUNS),
            refused=_refused(runs, lock),
            missing=tuple(missing),
        )


def _nodes(lock: Lock) -> dict[str, tuple[str, ...]]:
    raw, stages = layout.RAW.as_posix(), lock.stages
    first = {raw: (raw,)} if any(layout.feeds(raw, of.deps) for of in stages.values()) else {}
    return {**first, **{name: tuple(of.outs) for name, of in stages.items()}}


def _curve(text: str) -> tuple[tuple[float, float], ...]:
    lines = list(csv.reader(io.StringIO(text), delimiter="\t"))[1:]
    return tuple((float(step), float(value)) for step, value, *_ in lines)


def _refused(runs: list[records.RunRecord], lock: Lock) -> str | None:
    """Return the gate's reason, if the newest export was of this bundle and was refused."""
    last = next((run for run in runs if run.stage == layout.EXPORT_STAGE), None)
    if last is None or not records.is_refusal(last.error or ""):
        return None
    bundle = last.deps.get(layout.BUNDLE.as_posix())
    if not bundle or bundle.md5 != lock.md5(layout.BUNDLE):
        return None
    reason = str(last.error).removeprefix(records.REFUSAL).partition(" Try: ")[0]
    return reason.strip().removeprefix("Received: ").rstrip(".")
