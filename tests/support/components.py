"""The Seldon component over a toy bundle, laid out as in the image."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import toy_bundle
from projects import ROOT

PROVENANCE = {
    "image": "registry.example.com/issuesummarization:0123456789ab-ba9876543210",
    "git": "0123456789ab",
    "dvc": "ba9876543210",
    "commit": "0123456789ab" + 28 * "0",
    "hashes": {"raw": "r.dir", "model": "m.dir", "bundle": "ba9876543210.dir"},
}


def component(folder: Path) -> Any:
    """Return an instance of the component whose model is not loaded yet."""
    (folder / "model").mkdir(parents=True)
    toy_bundle.write_bundle(folder / "model")
    (folder / "provenance.json").write_text(json.dumps(PROVENANCE), encoding="utf-8")
    path = Path(shutil.copy(ROOT / "serving/IssueSummarization.py", folder))
    spec = importlib.util.spec_from_file_location("IssueSummarization", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.IssueSummarization()


def stay_alive(patch: pytest.MonkeyPatch) -> None:
    """Keep the component from arranging how this process ends, which is pytest's."""
    for name in ("start", "enter_worker"):
        patch.setattr(f"issuesum.serving.server.lifecycle.Lifecycle.{name}", lambda _: None)
