"""Params under the names that people type, and what differs between two sets of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """What was and what is; None is absent."""

    old: Any
    new: Any


def dotted(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted names, as `dvc exp run -S` takes them: `train.epochs`."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        found |= dotted(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


def params_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Change]:
    """Return what differs by dotted names, in the order of `old`, then what only `new` has."""
    before, after = dotted(old), dotted(new)
    return {
        name: Change(before.get(name), after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }
