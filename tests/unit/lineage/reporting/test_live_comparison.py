"""The live model's titles, from DVC's cache, its remote, or the model in the image."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import pytest
import yaml
from dvc.repo import Repo

import provenances
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.reporting import live_comparison
from issuesum.lineage.reporting.live_comparison import compare_with_live
from report_sides import rows


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project, with scores of single titles, and with a remote next to it."""
    made = tmp_path / "project"
    (made / "eval").mkdir(parents=True)
    with Repo.init(str(made), no_scm=True) as repo, repo.config.edit() as config:
        config["remote"]["storage"] = {"url": str(tmp_path / "remote")}
        config["core"]["remote"] = "storage"
    rows(60, right=0.4).to_csv(made / "eval/scores.csv", index=False)
    return made


def live(scores: pd.DataFrame, store: Path | None, *, spoilt: bool = False) -> Found:
    """Return an image whose scores of single titles a store of DVC holds, if one is named."""
    content = scores.to_csv(index=False).encode()
    md5 = hashlib.md5(content).hexdigest()  # noqa: S324 -- DVC's hash
    if store:
        path = store / "files/md5" / md5[:2] / md5[2:]
        path.parent.mkdir(parents=True)
        path.write_bytes(content + b"x" * spoilt)
    outs = [{"path": "eval/scores.csv", "md5": md5}]
    lock = yaml.safe_dump({"stages": {"evaluate": {"cmd": "x", "outs": outs}}})
    known: Any = provenances.read({**provenances.provenance(), "lock": lock})
    return Found(mock.Mock(), known, json.dumps({}).encode())


@pytest.mark.parametrize("place", ["project/.dvc/cache", "remote"])
def test_titles_that_evaluate_left_are_taken_from_cache_or_remote(
    place: str, root: Path, tmp_path: Path
) -> None:
    theirs = rows(60, seed=3, right=0.8)
    reached, (low, high) = compare_with_live(
        live(theirs, tmp_path / place), root, max_rows=60, batch_size=8
    )
    assert reached == pytest.approx(theirs["rouge_l"].mean(), abs=0.001)
    assert low < high < 0
    same = live(rows(60, right=0.4), tmp_path / place)
    assert compare_with_live(same, root, max_rows=60, batch_size=8)[1] == (0, 0)


@pytest.mark.parametrize("reason", ["away", "spoilt", "other issues"])
def test_where_they_are_not_available_the_model_writes_them(
    reason: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = mock.Mock(return_value=rows(60, seed=5, right=0.4))
    monkeypatch.setattr(live_comparison, "_written", written)
    count = 59 if reason == "other issues" else 60
    store = None if reason == "away" else tmp_path / "remote"
    found = live(rows(count, seed=3, right=0.8), store, spoilt=reason == "spoilt")
    _, (low, high) = compare_with_live(found, root, max_rows=60, batch_size=8)
    assert low < 0 < high
    written.assert_called_once()
