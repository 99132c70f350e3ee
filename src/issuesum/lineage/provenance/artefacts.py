"""What lies between raw data and bundle, as dvc.lock, summaries and records of runs tell it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from issuesum.lineage.runs import record as runs

SIDES = ("train", "validation", "test")
SUMMARY, PROFILE = "data/split/summary.json", "eval/data.json"
_PATHS = {
    "raw": "data/raw/github_issues.csv",
    "features": "data/features",
    "model": "models",
    "bundle": "serving/bundle",
}
_OF_A_RUN = ("started", "seconds", "device", "user", "host")


def hashes_of(items: dict[str, dict[str, Any]]) -> dict[str, str | None]:
    """Return DVC's hashes of what an image can be led back to.

    Args:
        items: what dvc.lock records, by path.
    """
    paths = {name: f"data/split/{name}" for name in SIDES}
    paths = {"raw": _PATHS["raw"], **paths, "features": _PATHS["features"], "model": "models"}
    return {name: items.get(path, {}).get("md5") for name, path in paths.items()}


def artefacts_of(
    items: dict[str, dict[str, Any]],
    *,
    bundle: str,
    rows: dict[str, int],
    made_by: Iterable[dict[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Return the artefacts from raw data to bundle.

    DVC knows the sides of the split and not their folder: its `md5` here is that of the line
    `<md5 of a side> <side>` of each of its `parts`.

    Args:
        items: what dvc.lock records, by path.
        bundle: DVC's hash of the bundle; another one in the lock is of another bundle.
        rows: of `raw` and the sides, as far as they are known.
        made_by: records of stage runs, the latest first.

    Returns:
        For each what is known of name, path, md5, size, nfiles, rows, stage, started, seconds,
        device, user and host; the split has `parts` too.
    """
    known = list(made_by)
    parts = [
        {"name": side, **_recorded(items, f"data/split/{side}"), **_counted(rows.get(side))}
        for side in SIDES
    ]
    sides = {part["name"]: part for part in parts}
    lines = "".join(f"{part.get('md5')} {part['name']}\n" for part in parts)
    split: dict[str, Any] = {
        "path": "data/split",
        "md5": hashlib.md5(lines.encode(), usedforsecurity=False).hexdigest(),
        "stage": parts[0]["stage"],
        **_summed("size", parts),
        **_summed("nfiles", parts),
        **_summed("rows", parts),
        **_run_that_made(parts[0], known),
        "parts": parts,
    }
    if not any(part.get("md5") for part in parts):
        split["md5"] = None
    found = {name: _recorded(items, path) for name, path in _PATHS.items()}
    if found["bundle"]["md5"] != bundle:
        found["bundle"] = {"path": _PATHS["bundle"], "md5": bundle, "stage": "build"}
    found["raw"] |= _counted(rows.get("raw"))
    found["features"] |= _summed("rows", [sides["train"], sides["validation"]])
    order = ("raw", "split", "features", "model", "bundle")
    others = {name: {**item, **_run_that_made(item, known)} for name, item in found.items()}
    return [{"name": name, **(split if name == "split" else others[name])} for name in order]


def rows_of(items: dict[str, dict[str, Any]], contents: dict[str, bytes | None]) -> dict[str, int]:
    """Return how many rows raw data and sides have, from the summaries that the lock records.

    Args:
        items: what dvc.lock records, by path.
        contents: of SUMMARY and PROFILE as they lie there; another one than the lock's is of other
            data, and not used.
    """
    for path, total in ((SUMMARY, "rows"), (PROFILE, "read")):
        content = contents.get(path)
        if content is None or _md5(content) != items.get(path, {}).get("md5"):
            continue
        try:
            told = json.loads(content)
            told = told["rows"] if path == PROFILE else told
            return {"raw": int(told[total]), **{side: int(told[side]) for side in SIDES}}
        except (ValueError, KeyError, TypeError):
            continue
    return {}


def read_runs(root: Path) -> list[dict[str, Any]]:
    """Return the records of runs that ended well, the latest first."""
    return [asdict(run) for run in runs.read_all(root / runs.RUNS) if run.state == "done"]


def _recorded(items: dict[str, dict[str, Any]], path: str) -> dict[str, Any]:
    item = items.get(path, {})
    measured: dict[str, Any] = {key: item[key] for key in ("size", "nfiles") if key in item}
    return {"path": path, "md5": item.get("md5"), **measured, "stage": item.get("stage")}


def _counted(rows: int | None) -> dict[str, int]:
    return {} if rows is None else {"rows": rows}


def _summed(key: str, parts: list[dict[str, Any]]) -> dict[str, int]:
    return {key: sum(part[key] for part in parts)} if all(key in part for part in parts) else {}


def _run_that_made(item: dict[str, Any], known: list[dict[str, Any]]) -> dict[str, Any]:
    for run in known:
        outs = run.get("outs")
        out = outs.get(item["path"]) if isinstance(outs, dict) else None
        if item["md5"] and isinstance(out, dict) and out.get("md5") == item["md5"]:
            return {key: run[key] for key in _OF_A_RUN if run.get(key) is not None}
    return {}


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
