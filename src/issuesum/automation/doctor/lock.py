"""What uv.lock says must be installed, and what it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_EXTRA = re.compile(r"extra == '([\w-]+)'")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)

Wish = tuple[str, frozenset[str], frozenset[str]]
"""Name, extras and version limits of a requirement."""


@dataclass(frozen=True)
class Lock:
    """The content of a uv.lock.

    Attributes:
        project: the entry of the project itself.
        packages: all entries, by name.
    """

    project: dict[str, Any]
    packages: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, content: dict[str, Any], project: str) -> Lock:
        """Index what a file says.

        Args:
            content: of uv.lock.
            project: its name.

        Raises:
            KeyError: it has no such project.
        """
        packages: dict[str, list[dict[str, Any]]] = {}
        for entry in content["package"]:
            packages.setdefault(entry["name"], []).append(entry)
        return cls(packages[project][0], packages)

    @property
    def extras(self) -> list[str]:
        """Names of the project's extras."""
        return list(self.project.get("optional-dependencies", {}))

    def wanted(self, extra: str) -> dict[str, str]:
        """Return the version of everything that the project needs with an extra, by name."""
        first = [*self.project["dependencies"], *self.project["optional-dependencies"][extra]]
        return self._closure(first, extra)

    def wanted_by_groups(self, extra: str) -> dict[str, str]:
        """Return the same of the groups that only work on the project needs."""
        groups = self.project.get("dev-dependencies", {}).values()
        return self._closure((item for group in groups for item in group), extra)

    def _closure(self, first: Iterable[dict[str, Any]], extra: str) -> dict[str, str]:
        # What uv calls an extra of a project within markers, since 0.5: each name with its length.
        name = self.project["name"]
        here = {"extra": f"extra-{len(name)}-{name}-{extra}"}
        found: dict[str, str] = {}
        seen: set[tuple[str, str | None]] = set()
        queue = list(first)
        while queue:
            item = queue.pop()
            if "marker" in item and not Marker(item["marker"]).evaluate(here):
                continue
            (entry,) = (
                entry
                for entry in self.packages[item["name"]]
                if item.get("version") in (None, entry["version"])
            )
            found[entry["name"]] = entry["version"]
            for part in (None, *item.get("extra", ())):
                if (entry["name"], part) not in seen:
                    seen.add((entry["name"], part))
                    more = entry.get("optional-dependencies", {}).get(part, [])
                    queue += entry.get("dependencies", []) if part is None else more
        return found

    def stale(self, pyproject: dict[str, Any]) -> list[str]:
        """Return the names of requirements of a pyproject.toml that the lock does not know so."""
        metadata = self.project["metadata"]
        locked: dict[str, set[Wish]] = {}
        for item in metadata["requires-dist"]:
            extra = _EXTRA.search(item.get("marker", ""))
            locked.setdefault(extra[1] if extra else "", set()).add(_of_lock(item))
        for group, items in metadata.get("requires-dev", {}).items():
            locked.setdefault(group, set()).update(map(_of_lock, items))
        project = pyproject["project"]
        asked = {
            "": project["dependencies"],
            **project.get("optional-dependencies", {}),
            **pyproject.get("dependency-groups", {}),
        }
        ours = {section: set(map(_of_text, items)) for section, items in asked.items()}
        differing = (
            ours.get(section, set()) ^ locked.get(section, set()) for section in ours | locked
        )
        return sorted({name for wishes in differing for name, _, _ in wishes})

    def unlike(self, requirements: str) -> list[str]:
        """Return the names that a requirements.txt pins to another version than the lock."""
        return sorted(
            name
            for name, version in _PINNED.findall(requirements)
            if version not in {entry["version"] for entry in self.packages.get(name, ())}
        )


def _of_lock(item: dict[str, Any]) -> Wish:
    limits = frozenset(filter(None, item.get("specifier", "").split(",")))
    return item["name"], frozenset(item.get("extras", ())), limits


def _of_text(text: str) -> Wish:
    wish = Requirement(text)
    limits = frozenset(map(str, wish.specifier))
    return canonicalize_name(wish.name), frozenset(wish.extras), limits
