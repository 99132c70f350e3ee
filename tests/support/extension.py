"""What DVC's extension for VS Code reads of DVC's answers, as JSON Schema.

Of `dvc exp show --json`, each commit and each of its experiments: `rev` and `name`; `data` with
`timestamp`, `params` and `metrics` (by file, values or an error), `deps` and `outs` (by path, hash,
size, number of files; of `outs` also whether DVC caches them) and `meta`; or `error` in its place;
of an experiment what ran it. The first of all is the workspace.

Of `dvc plots diff --split --json`, each plot by its name: pictures with `url`, others as a template
for Vega with placeholders in `content` and what is put in their place in `anchor_definitions`; both
with `revisions`. What could not be drawn stands under `errors`.
"""

from __future__ import annotations

from typing import Any


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _by_name(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "additionalProperties": schema}


_TEXT = {"type": "string"}
_TEXT_OR_NOTHING = {"type": ["string", "null"]}
_NUMBER_OR_NOTHING = {"type": ["integer", "null"]}
_YES_OR_NO = {"type": "boolean"}
_ERROR = _object({"error": _object({"type": _TEXT, "msg": _TEXT})})
_VALUES = {"anyOf": [_object({"data": {"type": "object"}}), _ERROR]}
_FILE = {"hash": _TEXT_OR_NOTHING, "size": _NUMBER_OR_NOTHING, "nfiles": _NUMBER_OR_NOTHING}
_DATA = _object(
    {
        "rev": _TEXT,
        "timestamp": _TEXT_OR_NOTHING,
        "params": _by_name(_VALUES),
        "metrics": _by_name(_VALUES),
        "deps": _by_name(_object(_FILE)),
        "outs": _by_name(_object({**_FILE, "use_cache": _YES_OR_NO, "is_data_source": _YES_OR_NO})),
        "meta": {"type": "object"},
    }
)
_NAMED = {"rev": _TEXT, "name": _TEXT_OR_NOTHING}
_STATE = {
    "anyOf": [
        _object({**_NAMED, "data": _DATA}, "name"),
        {"allOf": [_object(_NAMED, "name"), _ERROR]},
    ]
}
_EXECUTOR = {
    "type": ["object", "null"],
    "properties": {
        "state": {"enum": ["failed", "queued", "running", "success"]},
        "name": {"enum": ["dvc-task", "workspace", None]},
        "local": {"type": ["object", "null"]},
    },
    "required": ["state", "name", "local"],
}
_RANGE = _object(
    {"revs": {"type": "array", "items": _STATE}, "name": _TEXT_OR_NOTHING, "executor": _EXECUTOR},
    "name",
)
_EXPERIMENTS = {
    "type": "array",
    "minItems": 2,
    "items": {
        "allOf": [
            _STATE,
            _object({"experiments": {"type": ["array", "null"], "items": _RANGE}}, "experiments"),
        ]
    },
}
_PLOT = {"revisions": {"type": "array", "items": _TEXT, "minItems": 1}}
_PLOTS = _object(
    {
        "data": _by_name(
            {
                "type": "array",
                "minItems": 1,
                "items": {
                    "oneOf": [
                        _object({**_PLOT, "type": {"const": "image"}, "url": _TEXT}),
                        _object(
                            {
                                **_PLOT,
                                "type": {"const": "vega"},
                                "content": {"type": "object"},
                                "anchor_definitions": {"type": "object"},
                            }
                        ),
                    ]
                },
            }
        ),
        "errors": {
            "type": "array",
            "items": _object(
                {"name": _TEXT, "rev": _TEXT, "source": _TEXT, "type": _TEXT, "msg": _TEXT},
                "name",
                "source",
            ),
        },
    },
    "errors",
)


def check_experiments(answer: Any) -> None:
    """Refuse an answer of `dvc exp show --json` that the extension could not show."""
    import jsonschema  # takes seconds, in every process that collects tests

    jsonschema.validate(answer, _EXPERIMENTS)
    assert answer[0]["rev"] == "workspace"


def check_plots(answer: Any, *, gaps: set[str]) -> None:
    """Refuse an answer of `dvc plots diff --split --json` that it could not draw.

    Args:
        answer: of DVC.
        gaps: names of the plots that some revision may lack.
    """
    import jsonschema

    jsonschema.validate(answer, _PLOTS)
    assert {error.get("name") for error in answer.get("errors", [])} <= gaps
    kinds = {plot["type"] for plots in answer["data"].values() for plot in plots}
    assert kinds == {"image", "vega"}
    for plots in answer["data"].values():
        for plot in plots:
            placeholders = plot.get("anchor_definitions", {})
            assert all(name in str(plot["content"]) for name in placeholders)
            points = placeholders.get("<DVC_METRIC_DATA>", [])
            assert {point["rev"] for point in points} <= set(plot["revisions"])
