"""docs/params.md: every key of params.yaml, from the models that check it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from issuesum.stages.params import PARAMS_FILE, Params

_ROOT = Path(__file__).parents[2]
_BOUNDS = {
    "exclusiveMinimum": "> {}",
    "minimum": "≥ {}",
    "exclusiveMaximum": "< {}",
    "maximum": "≤ {}",
}


def markdown() -> str:
    """Return a table for each section."""
    values = yaml.safe_load((_ROOT / PARAMS_FILE).read_text(encoding="utf-8"))
    parts = []
    for stage, field in Params.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)  # noqa: S101 - every field of Params is a model
        assert issubclass(section, BaseModel)  # noqa: S101
        parts.append(f"## {stage}\n\n{section.__doc__}\n")
        rows = "\n".join(_rows(section, values[stage], f"{stage}."))
        parts.append(f"| key | value | allowed | what it is |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def _rows(section: type[BaseModel], values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    schema = section.model_json_schema()
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _rows(inner, values[name], f"{prefix}{name}.")
        else:
            allowed = _allowed(schema["properties"][name]).replace("|", "\\|")
            value = yaml.safe_dump(values.get(name, field.default)).splitlines()[0]
            meaning = " ".join(str(field.description).split())
            yield f"| `{prefix}{name}` | `{value}` | {allowed} | {meaning} |"


def _allowed(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "pattern" in schema:
        return f"`{schema['pattern']}`"
    bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    return f"{schema['type']} {', '.join(bounds)}".rstrip()
