"""Every param is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from issuesum.stages.params import Params


def _fields(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _fields(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.description


def test_every_param_is_explained_in_the_reference_and_in_the_file(root: Path) -> None:
    fields = dict(_fields(Params))
    assert len(fields) > 50
    assert [name for name, meaning in fields.items() if not meaning] == []
    page = (root / "docs/params.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\S+)` \|", page, re.MULTILINE) == list(fields)
    lines = (root / "params.yaml").read_text(encoding="utf-8").splitlines()
    lines_of_params = [line for line in lines if re.match(r" +\w+: +[^ #]", line)]
    assert len(lines_of_params) == len(fields)
    bare = [line.split(":")[0].strip() for line in lines_of_params if "#" not in line]
    assert bare == ["base_image"]  # its value says it
