"""The Python that runs, and the one that DVC will start stages with."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.specifiers import SpecifierSet

from issuesum.health.finding import Finding, fail, note, ok


def interpreter(root: Path, version: str, running: Path, on_path: str | None) -> Finding:
    """Compare the Python that runs with what the project asks for.

    Args:
        root: of the project.
        version: of the Python that runs.
        running: its executable.
        on_path: what `python` is on PATH.
    """
    project = root / "pyproject.toml"
    if not project.is_file():
        return note(f"{version}; no pyproject.toml in {root.resolve()}", "cd to the project's root")
    wanted = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["requires-python"]
    if version not in SpecifierSet(wanted):
        return fail(f"{version}, where pyproject.toml asks for {wanted}", "make setup")
    # An environment's python is a link to another one, so that its folder is what counts.
    if on_path is None or Path(on_path).parent != running.parent:
        return fail(
            f"{version}; but stages are started as `python`, which is {on_path or 'not'} on PATH",
            f". {running.parent}/activate",
        )
    return ok(f"{version}, {running.parent}")
