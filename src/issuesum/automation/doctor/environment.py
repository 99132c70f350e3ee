"""Whether what is installed is what uv.lock says, and whether uv.lock is what the project says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from packaging.utils import canonicalize_name

from issuesum.automation.doctor.finding import Finding, fail, note, ok
from issuesum.automation.doctor.lock import Lock
from issuesum.automation.doctor.project import LOCK, PROJECT, elsewhere, read_project, read_uv_lock
from issuesum.errors import RepositoryError

_NAMED = 3


def installed_versions(distributions: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    """Return versions by normalised name; of two with one name the first is what Python imports.

    Args:
        distributions: names and versions in the order of sys.path; what has lost its METADATA has
            no name, and counts as not installed.
    """
    found: dict[str, str] = {}
    for name, version in distributions:
        if name:
            found.setdefault(canonicalize_name(name), version)
    return found


def installed_extra(root: Path, installed: Mapping[str, str]) -> str | None:
    """Return which extra of the project is installed, None where no uv.lock tells."""
    with suppress(RepositoryError):
        return _extra_of(read_uv_lock(root), installed)
    return None


def environment(
    root: Path, installed: Mapping[str, str], code: Path, *, broken: int = 0
) -> Finding:
    """Compare what is installed with uv.lock.

    Args:
        root: of the project.
        installed: see `installed_versions`.
        code: the folder of the package `issuesum` that runs.
        broken: how many distributions have lost their METADATA.

    Raises:
        RepositoryError: pyproject.toml or uv.lock is broken, or there is no uv.lock.
    """
    if read_project(root) is None:
        return elsewhere(root)
    lock = read_uv_lock(root)
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
            f"{len(wrong)} of {len(needed)} distributions are not those of {LOCK} "
            f"(extra {extra}): {first}",
            setup,
        )
    if broken:
        return note(
            f"{len(needed)} distributions as in {LOCK}, extra {extra}; besides, {broken} "
            "*.dist-info without METADATA",
            f"rm -r .venv, then {setup}",
        )
    own = root / "src" / PROJECT
    if own.is_dir() and own.resolve() != code.resolve():
        return note(
            f"the code that runs is that of {code}, not of this folder",
            f"{setup}, then . .venv/bin/activate",
        )
    absent = sorted(tools.keys() - installed.keys())
    if absent:
        return note(
            f"{len(needed)} distributions as in {LOCK}, extra {extra}; without "
            f"{len(absent)} that tests and checks need, such as {absent[0]}",
            setup,
        )
    return ok(f"{len(needed)} distributions as in {LOCK}, extra {extra}")


def lock_file(root: Path) -> Finding:
    """Compare uv.lock with pyproject.toml and serving/requirements.txt.

    Raises:
        RepositoryError: pyproject.toml or uv.lock is broken, or there is no uv.lock.
    """
    pyproject = read_project(root)
    if pyproject is None:
        return elsewhere(root)
    lock = read_uv_lock(root)
    stale = lock.stale(pyproject)
    if stale:
        return fail(f"{LOCK} was made from another pyproject.toml: {_some(stale)}", "make lock")
    requirements = root / "serving" / "requirements.txt"
    unlike = lock.unlike(requirements.read_text(encoding="utf-8"))
    if unlike:
        return fail(
            f"serving/requirements.txt has other versions than {LOCK}: {_some(unlike)}",
            "make lock",
        )
    return ok(f"{LOCK} agrees with pyproject.toml and serving/requirements.txt")


def _extra_of(lock: Lock, installed: Mapping[str, str]) -> str:
    """Return the extra of which least is missing."""
    return min(lock.extras, key=lambda extra: len(lock.wanted(extra).keys() - installed.keys()))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
