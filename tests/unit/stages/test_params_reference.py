"""Every param is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from issuesum.stages.params import Params
from reference import comments


def _fields(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _fields(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_every_param_is_explained_in_the_file_and_in_the_reference(root: Path) -> None:
    fields = list(_fields(Params))
    assert len(fields) > 50
    assert list(comments()) == fields
    page = (root / "docs/params.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\S+)` \|", page, re.MULTILINE) == fields
    lines = (root / "params.yaml").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if re.match(r" +\w+: +[^ #]", line)]) == len(fields)
