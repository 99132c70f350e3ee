"""The architecture that docs/architectures.md shows, taken from that page."""

from __future__ import annotations

import re

from projects import ROOT

NAME = "bag_of_words"


def source() -> str:
    """Return the whole text of its file."""
    page = (ROOT / "docs/architectures.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (whole,) = (block for block in blocks if "def create(" in block)
    assert f"architectures/{NAME}.py`" in page
    return whole
