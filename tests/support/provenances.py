"""Provenances as export writes them, without a pipeline."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.artefacts import artefacts_of, hashes_of
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import Exported, Provenance
from issuesum.lineage.provenance.trace import completed
from issuesum.lineage.runs.record import RunRecord, parse
from issuesum.registry.image import RemoteImage
from issuesum.registry.reference import Reference

COMMIT = "3f2c1ab4d5e6" + "0" * 28
BUNDLE = "9d8e7f6a5b4c3d2e1f009d8e7f6a5b4c.dir"
TAG = "3f2c1ab4d5e6-9d8e7f6a5b4c"
LOCK = f"""\
schema: '2.0'
stages:
  split:
    cmd: x
    deps:
    - {{path: data/raw/github_issues.csv, md5: ad365add0125817dba630f33e7075c95, size: 2537199}}
    outs:
    - {{path: data/split/summary.json, md5: ee2b5b5f180cb4333c366ec9184c334c, size: 108}}
    - {{path: data/split/test, md5: d609076a6eac810c2462619916160dc1.dir, size: 53019, nfiles: 2}}
    - {{path: data/split/train, md5: 2ddc3c2d63901772e6c2b9daaa71f0f5.dir, size: 269045, nfiles: 2}}
    - path: data/split/validation
      md5: 0a68c07005eb1521660be0472a8ab281.dir
      size: 53436
      nfiles: 2
  preprocess:
    cmd: x
    outs:
    - {{path: data/features, md5: e0403b1a18995b0ab3fe3ee3a8d32ec0.dir, size: 2400000, nfiles: 6}}
  train:
    cmd: x
    outs:
    - {{path: models, md5: b7cde7b7ad5818a2f4f5e1806cf55f86.dir, size: 5900000, nfiles: 2}}
  build:
    cmd: x
    outs:
    - {{path: serving/bundle, md5: {BUNDLE}, size: 6439688, nfiles: 40}}
"""
ROWS = {"raw": 4000, "train": 3174, "validation": 390, "test": 398}
METRICS = {
    "test_rows": 398,
    "model": {"rouge_1": 96.4, "rouge_2": 95.4, "rouge_l": 96.4, "bleu": 96.1},
    "lead": {"rouge_1": 4.7, "rouge_2": 0.3, "rouge_l": 4.4, "bleu": 0.1},
    "neighbour": {"rouge_1": 28.4, "rouge_2": 19.6, "rouge_l": 28.2, "bleu": 16.4},
    "gate": {"passed": True, "reasons": []},
}
PATCH = (
    b"diff --git a/src/a.py b/src/a.py\n--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-1\n+2\n"
    b'diff --git "a/src/\\303\\274.py" "b/src/\\303\\274.py"\nnew file mode 100644\n'
)
_OF_EACH = {"user": "Ada Lovelace", "host": "engine-1"}


def run(stage: str, path: str, seconds: float, **more: Any) -> dict[str, Any]:
    """Return the record of a run that made `path`."""
    md5 = Lock.parse(LOCK).md5(path)
    return {
        "id": f"20261125T130945Z-{stage}-0123ab", "pid": 1, "host": "engine-1",
        "stage": stage, "state": "done", "started": "2026-11-25T13:09:45+00:00",
        "seconds": seconds, **_OF_EACH, "outs": {path: {"md5": md5}}, **more,
    }  # fmt: skip


RUNS = [
    run("split", "data/split/train", 0.9),
    run("preprocess", "data/features", 2.2, device="cpu"),
    run("train", "models", 250.0, device="cpu"),
    run("build", "serving/bundle", 12.2, device="cpu"),
]


def records() -> list[RunRecord]:
    """Return RUNS as they are read."""
    found = [parse(json.dumps(each).encode(), f"{each['id']}.json") for each in RUNS]
    return [each for each in found if each]


def read(values: dict[str, Any]) -> Provenance:
    """Return what a trace shows of a provenance."""
    return completed(Provenance.model_validate(values))


def found(values: dict[str, Any]) -> Found:
    """Return an image of nothing but a provenance, as it is looked up."""
    reference = Reference("r.io", "a").at(f"sha256:{'0' * 64}")
    content = json.dumps(values).encode()
    image = RemoteImage(reference, 1, {}, "", ())
    return Found(image, Provenance.parse(content, str(reference)), content)


def exported(**changes: Any) -> Exported:
    """Return what restoring needs of a provenance, and changes."""
    needed: dict[str, Any] = {
        "image": "r.io/a:b", "git": "a", "dvc": "b", "commit": COMMIT, "dirty": False, "lock": LOCK,
        "created": "2026-11-25T12:00:00+00:00", "params": {}, "metrics": {}, "tools": {},
    }  # fmt: skip
    return Exported.model_validate({**needed, **changes})


def provenance(image: str = f"registry.example.com/name:{TAG}", **changes: Any) -> dict[str, Any]:
    """Return a provenance of format 2."""
    lock = Lock.parse(LOCK)
    made = artefacts_of(lock, bundle=BUNDLE, rows=ROWS, made_by=records())
    return {
        "format": 2,
        "image": image,
        "git": TAG[:12],
        "dvc": TAG[13:],
        "commit": COMMIT,
        "dirty": False,
        "message": "Train on the issues of November",
        "author": "Ada Lovelace <ada@example.com>",
        "committed": "2026-11-25T12:00:00+00:00",
        "source": "https://git.example.com/titles.git",
        "remote": {"url": "s3://issuesum/dvc", "endpointurl": None, "region": None},
        "patch": None,
        "created": "2026-11-25T13:14:25+00:00",
        "user": "Ada Lovelace",
        "hashes": {**hashes_of(lock), "bundle": BUNDLE, "uv.lock": "0" * 64},
        "requirements": "1" * 64,
        "artefacts": [item.model_dump(exclude_unset=True) for item in made],
        "lock": LOCK,
        "params": {"train": {"epochs": 3}},
        "changed_params": {"train.epochs": [12, 3], "build.decoding.beam_width": [4, None]},
        "metrics": METRICS,
        "tools": {"dvc": "3.67.1", "keras": "3.15.1"},
        **changes,
    }


def dirty(**changes: Any) -> dict[str, Any]:
    """Return a provenance of a dirty tree."""
    patch = {
        "sha256": hashlib.sha256(PATCH).hexdigest(),
        "base64": base64.b64encode(PATCH).decode(),
    }
    return provenance(**{"git": f"{TAG[:12]}-dirty", "dirty": True, "patch": patch, **changes})
