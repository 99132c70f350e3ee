"""Whether what is installed is what uv.lock says, and whether uv.lock is what the project says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from issuesum.health.finding import Finding, fail, note, ok
from issuesum.health.lock import Lock

_NAMED = 3
_PROJECT = "issuesum"
_LOCK = "uv.lock"


def installed_versions(distributions: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return versions by normalised name; of two with one name the first is what Python imports.

    Args:
        distributions: names and versions in the order of sys.path.
    """
    found: dict[str, str] = {}
    for name, version in distributions:
        found.setdefault(canonicalize_name(name), version)
    return found


def installed_extra(root: Path, installed: Mapping[str, str]) -> str | None:
    """Return which extra of the project is installed, None where there is no uv.lock."""
    if not (root / _LOCK).is_file():
        return None
    return _extra_of(Lock.read(root / _LOCK, _PROJECT), installed)


def environment(root: Path, installed: Mapping[str, str], code: Path) -> Finding:
    """Compare what is installed with uv.lock.

    Args:
        root: of the project.
        installed: see `installed_versions`.
        code: the folder of the package `issuesum` that runs.
    """
    if not (root / _LOCK).is_file():
        return note(f"no {_LOCK} in {root.resolve()}", "cd to the project's root")
    lock = Lock.read(root / _LOCK, _PROJECT)
    extra = _extra_of(lock, installed)
    setup = "make setup" if extra == lock.extras[0] else f"make setup EXTRA={extra}"
    needed, tools = lock.wanted(extra), lock.wanted_by_groups(extra)
    wrong = {
        name: version
        for name, version in (tools | needed).items()
        if installed.get(name, version) != version or (name in needed and name not in installed)
    }
    if wrong:
        first = ", ".join(
            f"{name} {installed.get(name, 'missing')} instead of {wrong[name]}"
            for name in sorted(wrong)[:_NAMED]
        )
        return fail(
            f"{len(wrong)} of {len(needed)} distributions are not those of {_LOCK} "
            f"(extra {extra}): {first}",
            setup,
        )
    own = root / "src" / _PROJECT
    if own.is_dir() and own.resolve() != code.resolve():
        return note(
            f"the code that runs is that of {code}, not of this folder",
            f"{setup}, then . .venv/bin/activate",
        )
    absent = sorted(tools.keys() - installed.keys())
    if absent:
        return note(
            f"{len(needed)} distributions as in {_LOCK}, extra {extra}; without "
            f"{len(absent)} that tests and checks need, such as {absent[0]}",
            setup,
        )
    return ok(f"{len(needed)} distributions as in {_LOCK}, extra {extra}")


def lock_file(root: Path) -> Finding:
    """Compare uv.lock with pyproject.toml and serving/requirements.txt."""
    if not (root / _LOCK).is_file() or not (root / "pyproject.toml").is_file():
        return note(f"no {_LOCK} in {root.resolve()}", "cd to the project's root")
    lock = Lock.read(root / _LOCK, _PROJECT)
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    stale = lock.stale(pyproject)
    if stale:
        return fail(f"{_LOCK} was made from another pyproject.toml: {_some(stale)}", "make lock")
    requirements = root / "serving" / "requirements.txt"
    unlike = lock.unlike(requirements.read_text(encoding="utf-8"))
    if unlike:
        return fail(
            f"serving/requirements.txt has other versions than {_LOCK}: {_some(unlike)}",
            "make lock",
        )
    return ok(f"{_LOCK} agrees with pyproject.toml and serving/requirements.txt")


def _extra_of(lock: Lock, installed: Mapping[str, str]) -> str:
    """Return the extra of which least is missing."""
    return min(lock.extras, key=lambda extra: len(lock.wanted(extra).keys() - installed.keys()))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
