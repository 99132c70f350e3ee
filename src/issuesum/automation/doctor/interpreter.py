"""The Python that runs, and the one that DVC will start stages with."""

from __future__ import annotations

import shlex
from pathlib import Path

from packaging.specifiers import SpecifierSet

from issuesum.automation.doctor.finding import Finding, fail, ok
from issuesum.automation.doctor.project import elsewhere, read_project


def interpreter(
    root: Path, version: str, running: Path, on_path: str | None, shell: str
) -> Finding:
    """Compare the Python that runs with what the project asks for.

    Args:
        root: of the project.
        version: of the Python that runs.
        running: its executable.
        on_path: what `python` is on PATH.
        shell: of the user, as $SHELL has it.

    Raises:
        RepositoryError: pyproject.toml is no TOML.
    """
    pyproject = read_project(root)
    if pyproject is None:
        return elsewhere(root)
    wanted = pyproject["project"].get("requires-python", "")
    if version not in SpecifierSet(wanted):
        return fail(f"{version}, where pyproject.toml asks for {wanted}", "make setup")
    # An environment's python is a link to another one, so that its folder is what counts.
    if on_path is None or Path(on_path).parent.resolve() != running.parent.resolve():
        return fail(
            f"{version}; but stages are started as `python`, which is {on_path or 'not'} on PATH",
            _activation(running.parent, shell),
        )
    return ok(f"{version}, {running.parent}")


def _activation(folder: Path, shell: str) -> str:
    if shell.endswith("fish"):
        return f"source {shlex.quote(str(folder / 'activate.fish'))}"
    return f". {shlex.quote(str(folder / 'activate'))}"
