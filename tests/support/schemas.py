"""Documents against JSON Schemas, those of Kubernetes and of operators among them.

What validates takes seconds to import, and would in every process that collects tests.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

KUBERNETES = "1.32"


def validate(document: dict) -> None:
    """Refuse what Kubernetes itself would refuse, and fields that it does not know."""
    import kubernetes_validate

    kubernetes_validate.validate(document, KUBERNETES, strict=True)


def validate_pod(template: dict) -> None:
    """Validate a template of pods, with `metadata` or without."""
    template = {"metadata": {"name": "pod"}, **template}
    validate({"apiVersion": "v1", "kind": "Pod", **template})


def validator(schema: dict) -> Draft202012Validator:
    """Return what checks documents by a JSON Schema."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema)


def read_definition(path: Path) -> dict:
    """Return the specification of an operator's resource."""
    # The parser in C: these files have up to half a megabyte.
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["spec"]


def schema_of(document: dict, definition: dict) -> dict:
    """Return the schema that `document` says it fits, closed to fields that it does not name."""
    group, _, version = document["apiVersion"].partition("/")
    assert (definition["group"], definition["names"]["kind"]) == (group, document["kind"])
    (found,) = [each for each in definition["versions"] if each["name"] == version]
    return _strict(found["schema"]["openAPIV3Schema"])


def _strict(schema: dict) -> dict:
    """Refuse what the schema does not know: a cluster would drop it without a word."""
    result = copy.copy(schema)
    if "properties" in schema:
        result["properties"] = {key: _strict(value) for key, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            result.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            result[key] = _strict(schema[key])
    return result
