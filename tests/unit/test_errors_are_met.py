"""Every kind of error is raised in a test, has its exit code, and says what to do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from issuesum import cli, errors
from issuesum.errors import IssuesumError
from issuesum.stages import runner
from issuesum.stages.params import Params
from projects import ROOT
from source_tree import modules, parsed

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and kind.__module__ == errors.__name__
]


def _below(root: str) -> set[str]:
    """Return a class and all that descend from it, private ones too, wherever they stand in src."""
    bases = {
        node.name: {ast.unparse(base) for base in node.bases}
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef)
    }
    found: set[str] = set()
    new = {root}
    while new:
        found |= new
        new = {name for name, above in bases.items() if above & found} - found
    return found


def _raised(path: Path) -> set[str]:
    """Return the names in the `raise` statements of a module, and in what makes errors for them."""
    return {
        node.id
        for statement in ast.walk(parsed(path))
        if isinstance(statement, (ast.Raise, ast.Return))
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    }


def _awaited(path: Path) -> Iterator[str]:
    """Yield the classes of ours that a test says must be raised, under their own names.

    A tuple of classes, or a name that is handed in, leaves open which of them it is.
    """
    own = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("issuesum.")
        for alias in node.names
    }
    for call in ast.walk(parsed(path)):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.raises":
            (kind,) = call.args
            if isinstance(kind, ast.Name) and kind.id in own:
                yield own[kind.id]


def test_every_error_is_raised_by_the_code_and_awaited_by_a_unit_test() -> None:
    kinds = _below("IssuesumError") | _below("RequestError")
    assert {"ParamsError", "RequestError"} < kinds
    kinds.remove("IssuesumError")  # a name for all of them
    assert kinds - {name for path in modules() for name in _raised(path)} == set()
    tests = (ROOT / "tests/unit").rglob("test_*.py")
    assert kinds - {name for path in tests for name in _awaited(path)} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_a_verb_ends_with_one_line_and_the_code_of_the_kind(
    kind: type[IssuesumError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise kind("A must B. Received: C. Try: D.")

    monkeypatch.setattr(cli.cli, "main", fail)
    monkeypatch.delenv("ISSUESUM_VERBOSE", raising=False)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == kind.exit_code
    assert capsys.readouterr().err == "error: A must B. Received: C. Try: D.\n"
    monkeypatch.setenv("ISSUESUM_VERBOSE", "1")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == kind.exit_code
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert shown.endswith("error: A must B. Received: C. Try: D.\n")


@pytest.mark.parametrize("kind", KINDS)
def test_a_stage_ends_with_one_line_and_the_code_of_the_kind(
    kind: type[IssuesumError],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def body(_: Params) -> None:
        raise kind("A must B. Received: C. Try: D.")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text("utf-8"), "utf-8")
    monkeypatch.delenv("ISSUESUM_VERBOSE", raising=False)
    with pytest.raises(SystemExit) as ended:
        runner.run("split", body)
    assert ended.value.code == kind.exit_code
    assert capsys.readouterr().err == "error: split: A must B. Received: C. Try: D.\n"
    monkeypatch.setenv("ISSUESUM_VERBOSE", "1")
    with pytest.raises(kind):
        runner.run("split", body)
