"""Params and metrics of two images, by dotted names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_FIGURES = ("model", "lead", "neighbour")


@dataclass(frozen=True)
class Change:
    """What was and what is; None is absent."""

    old: Any
    new: Any


@dataclass(frozen=True)
class Metric:
    """A figure of both images.

    Attributes:
        old: None where the image has none, as `new`.
        new: of the other image.
        difference: new - old; None unless there are both.
    """

    old: float | None
    new: float | None
    difference: float | None


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, under names such as `train.epochs`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flatten(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Change]:
    """Return what differs, in the order of `new`, then what only `old` has."""
    before, after = flatten(old), flatten(new)
    return {
        name: Change(before.get(name), after.get(name))
        for name in [*after, *(name for name in before if name not in after)]
        if name not in before or name not in after or before[name] != after[name]
    }


def metric_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Metric]:
    """Return the scores of both images: of the model and of what it is measured against."""
    before, after = _figures(old), _figures(new)
    return {
        name: _metric(before.get(name), after.get(name))
        for name in [*after, *(name for name in before if name not in after)]
    }


def _figures(metrics: Mapping[str, Any]) -> dict[str, float]:
    known = {name: metrics[name] for name in ("test_rows", *_FIGURES) if name in metrics}
    return {name: value for name, value in flatten(known).items() if isinstance(value, int | float)}


def _metric(old: float | None, new: float | None) -> Metric:
    if old is None or new is None:
        return Metric(old, new, None)
    return Metric(old, new, round(new - old, 4))
