"""The architecture that docs/model.md shows, taken from that page."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from projects import ROOT

NAME = "bag_of_words"


def source() -> str:
    """Return the whole text of its file."""
    page = (ROOT / "docs/model.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (whole,) = (block for block in blocks if "def create(" in block)
    assert f"architectures/{NAME}.py`" in page
    return whole


def place(name: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a test find a module of this text among the architectures, as if it stood there."""
    from issuesum.training.model import architectures

    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(folder)])
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, f"{architectures.__name__}.{name}", raising=False)
