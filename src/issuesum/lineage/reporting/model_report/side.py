"""One side of a comparison: what the working tree, or a commit, says of its model."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from issuesum.errors import RepositoryError, one_line
from issuesum.layout import RUNS
from issuesum.lineage.dvc import Lock
from issuesum.lineage.reporting.model_report.graph import Graph, graph_of
from issuesum.lineage.runs import record as records
from issuesum.training.corpus.profile import DataProfile
from issuesum.training.corpus.shards import SplitSummary
from issuesum.training.evaluation import per_row

if TYPE_CHECKING:
    import pandas as pd
    from dvc.repo import Repo

WORKING_TREE = "working tree"
_BUNDLE = "serving/bundle"
CURVES = {
    "loss, training": ("train", "loss"),
    "loss, validation": ("eval", "loss"),
    "ROUGE-L, validation": ("eval", "rouge_l"),
}


@dataclass(frozen=True)
class Side:
    """What is known of one model; what could not be read is None or empty, and in `missing`.

    Attributes:
        name: `WORKING_TREE`, or 12 digits of the commit.
        metrics: eval/metrics.json.
        profile: eval/data.json.
        split: data/split/summary.json.
        scores: eval/scores.csv.
        curves: step and value at each validation, by the names of `CURVES`.
        graph: the pipeline.
        hashes: what dvc.lock records, by path.
        receipt: serving/image.json.
        params: by which the stages were run, by dotted names, as dvc.lock records them.
        runs: the last run of each stage, of the working tree only.
        refused: why export did not ship this bundle, of the working tree only.
        missing: what could not be read, and why.
    """

    name: str
    metrics: Mapping[str, Any] | None
    profile: DataProfile | None
    split: SplitSummary | None
    scores: pd.DataFrame | None
    curves: Mapping[str, tuple[tuple[float, float], ...]]
    graph: Graph
    hashes: Mapping[str, str]
    receipt: Mapping[str, Any] | None
    params: Mapping[str, Any]
    runs: Mapping[str, Mapping[str, Any]]
    refused: str | None
    missing: tuple[str, ...]


def read_side(root: Path, commit: str | None) -> Side:
    """Read the working tree, or a commit through Git and DVC's cache; no remote is asked.

    Args:
        root: of the repository.
        commit: 40 hex digits, or None for the working tree.

    Raises:
        RepositoryError: there is no DVC repository, or its dvc.yaml cannot be read.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    name = commit[:12] if commit else WORKING_TREE
    try:
        with Repo(str(root), rev=commit, config=_offline(root)) as repo:
            return _read(repo, name, [] if commit else records.read_all(root / RUNS))
    except DvcException as error:
        raise RepositoryError(
            f"{root.resolve()} must be a DVC repository whose pipeline can be read at {name}. "
            f"Received: {one_line(error)}. Try: dvc dag."
        ) from error


def _offline(root: Path) -> dict[str, Any]:
    """Put an empty folder in the remote's place: one out of reach is waited for at each file."""
    empty = str((root / ".dvc/tmp/issuesum-no-remote").resolve())
    return {"core": {"remote": "none"}, "remote": {"none": {"url": empty}}}


def _read(repo: Repo, name: str, runs: list[records.RunRecord]) -> Side:
    from dvc_data.index import DataIndexDirError

    missing: list[str] = []

    def get(path: str, parse: Callable[[str], Any]) -> Any:  # noqa: ANN401 -- what `parse` gives
        try:
            return parse(repo.dvcfs.read_text(path, encoding="utf-8"))
        except (FileNotFoundError, DataIndexDirError):
            missing.append(f"{path} of {name}: not there, or not in the cache (try: dvc fetch)")
        except Exception as error:  # noqa: BLE001 -- a broken file is told like a missing one
            missing.append(f"{path} of {name}: {one_line(error)}")
        return None

    curves = {
        of: get(f"eval/train/plots/metrics/{side}/{metric}.tsv", _curve)
        for of, (side, metric) in CURVES.items()
    }
    hashes = get("dvc.lock", _hashes) or {}
    return Side(
        name=name,
        metrics=get("eval/metrics.json", _mapping),
        profile=get("eval/data.json", DataProfile.from_json),
        split=get("data/split/summary.json", _split),
        scores=get("eval/scores.csv", lambda text: per_row.read(io.StringIO(text, newline=""))),
        curves={of: curve for of, curve in curves.items() if curve},
        graph=graph_of(repo),
        hashes=hashes,
        receipt=get("serving/image.json", _mapping),
        params=get("dvc.lock", lambda text: Lock.parse(text).params) or {},
        runs=_last_of_each(runs),
        refused=_refused(runs, hashes),
        missing=tuple(missing),
    )


def _curve(text: str) -> tuple[tuple[float, float], ...]:
    lines = list(csv.reader(io.StringIO(text), delimiter="\t"))[1:]
    return tuple((float(step), float(value)) for step, value, *_ in lines)


def _mapping(text: str) -> dict[str, Any]:
    content = json.loads(text)
    if not isinstance(content, dict):
        msg = f"a mapping was expected, not {type(content).__name__}"
        raise TypeError(msg)
    return content


def _split(text: str) -> SplitSummary:
    from pydantic import TypeAdapter

    return TypeAdapter(SplitSummary).validate_json(text)


def _hashes(lock: str) -> dict[str, str]:
    return Lock.parse(lock).hashes


def _last_of_each(runs: list[records.RunRecord]) -> dict[str, dict[str, Any]]:
    """Return the newest record of each stage, of the runs that ended well."""
    found: dict[str, dict[str, Any]] = {}
    for record in runs:
        if record.state == "done":
            found.setdefault(record.stage, asdict(record))
    return found


def _refused(runs: list[records.RunRecord], hashes: Mapping[str, str]) -> str | None:
    """Return the gate's reason, if the newest export was of this bundle and was refused."""
    last = next((run for run in runs if run.stage == "export"), None)
    if last is None or not records.is_refusal(last.error or ""):
        return None
    if _BUNDLE not in last.deps or last.deps[_BUNDLE].md5 != hashes.get(_BUNDLE):
        return None
    reason = str(last.error).removeprefix(records.REFUSAL).partition(" Try: ")[0]
    return reason.strip().removeprefix("Received: ").rstrip(".")
