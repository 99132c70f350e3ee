"""The mutation check: its mapping, its mutants, its sample, and what it says of tests."""

from __future__ import annotations

import subprocess
import textwrap
from pathlib import Path
from unittest import mock

import pytest

from mutation import cli
from mutation.modules import MODULES, source_of, unit_tests
from mutation.mutants import Mutant, mutants_of
from mutation.sampling import sample
from mutation.trial import CheckError, Workplace, copy_tree


@pytest.mark.parametrize("module", MODULES)
def test_every_module_and_its_tests_exist(module: str, root: Path) -> None:
    missing = [
        name for name in (source_of(module), *unit_tests(module)) if not (root / name).is_file()
    ]
    assert missing == []


CODE = textwrap.dedent(
    '''\
    """A module."""
    from typing import Literal
    Kind = Literal["a", "b"]
    LIMIT: int = 3

    def grow(value: "int") -> "int":
        """Say more."""
        if value > LIMIT:
            raise ValueError("too " + "large")
        open("x", encoding="utf-8")
        return value + 1
    '''
)


def test_a_mutant_is_one_change_with_its_line_and_diff() -> None:
    found = {(mutant.line, mutant.diff.splitlines()[1]) for mutant in mutants_of(CODE)}
    assert (4, "+LIMIT: int = None") in found
    assert (8, "+    if value >= LIMIT:") in found
    assert (11, "+    return value - 1") in found
    assert (11, "+    return value + 2") in found
    for mutant in mutants_of(CODE):
        old, new = CODE.splitlines(), mutant.code.splitlines()
        assert [
            n for n, pair in enumerate(zip(old, new, strict=True), 1) if len(set(pair)) > 1
        ] == [mutant.line]


def test_what_only_people_read_is_left_alone() -> None:
    lines = {mutant.line for mutant in mutants_of(CODE)}
    assert lines == {4, 8, 10, 11}
    assert all('encoding="utf-8"' in mutant.code for mutant in mutants_of(CODE))


def _mutants(count: int) -> list[Mutant]:
    return [Mutant(line, "", str(line)) for line in range(count)]


def test_a_sample_takes_from_every_module_in_turn() -> None:
    every = {"a": _mutants(50), "b": _mutants(2), "c": _mutants(50)}
    chosen = sample(every, 12, seed=1)
    assert [name for name, _ in chosen] == ["a"] * 5 + ["b"] * 2 + ["c"] * 5
    assert len(sample(every, 1_000, seed=1)) == 102
    assert set(chosen) <= set(sample(every, 20, seed=1))
    assert chosen == sample(every, 12, seed=1) != sample(every, 12, seed=2)
    alone = sample({"c": every["c"]}, 5, seed=1)
    assert alone == [job for job in chosen if job[0] == "c"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with one module, whose test counts up to what it must."""
    monkeypatch.setattr("mutation.modules.MODULES", {"count": ("test_count",)})
    monkeypatch.setattr(cli, "MODULES", {"count": ("test_count",)})
    root = tmp_path / "repository"
    for name, text in {
        ".gitignore": "ignored",
        "ignored": "",
        "src/issuesum/count.py": "def count(most):\n    n = 0\n    while n < most:\n"
        "        n += 1\n    return n\n",
        "tests/unit/test_count.py": "from count import count\n\ndef test_it():\n"
        "    assert count(3) == 3\n",
        "conftest.py": "import sys, pathlib\n"
        "sys.path.insert(0, str(pathlib.Path(__file__).parent / 'src/issuesum'))\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


def test_a_copy_has_what_git_does_not_ignore(repository: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "add", "conftest.py"], cwd=repository, check=True)
    (repository / "conftest.py").unlink()
    copy_tree(repository, tmp_path / "copy")
    assert {path.name for path in (tmp_path / "copy").rglob("*") if path.is_file()} == {
        ".gitignore", "count.py", "test_count.py",
    }  # fmt: skip


def test_tests_kill_a_mutant_or_let_it_live_or_never_end(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mutation.trial._GRACE", 2.0)
    place = Workplace(repository)
    path = repository / "src/issuesum/count.py"
    code = path.read_text()
    assert place.trial("count", code.replace("n += 1", "n += 2"), 0.5) == "killed"
    assert place.trial("count", code.replace("n < most", "n != most"), 0.5) == "survived"
    assert place.trial("count", code.replace("n += 1", "n -= 1"), 0.0) == "timeout"
    assert path.read_text() == code


def test_without_a_mutant_the_tests_must_pass(repository: Path) -> None:
    place = Workplace(repository)
    (repository / "tests/unit/test_count.py").write_text("def test_it():\n    assert False\n")
    with pytest.raises(CheckError, match="The tests of count must pass without a mutant"):
        place.baseline("count")
    (repository / "tests/unit/test_count.py").unlink()
    with pytest.raises(CheckError, match="pytest must find the tests of count"):
        place.trial("count", "", 0.5)


def test_survivors_and_a_table_are_printed_and_the_tree_stays(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "tests/unit/test_count.py").write_text(
        "from count import count\n\ndef test_it():\n    assert count(0) == 0\n"
    )
    before = (repository / "src/issuesum/count.py").read_text()
    assert cli.main(["--size", "2", "--jobs", "2", "count"], repository) == 0
    said = capsys.readouterr().out
    assert "src/issuesum/count.py:4\n-        n += 1\n+        n " in said
    assert said.splitlines()[-1].split()[0] == "all"
    assert (repository / "src/issuesum/count.py").read_text() == before


def test_interrupted_it_tells_what_was_tried(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Workplace, "baseline", lambda *_: 0.1)
    monkeypatch.setattr(Workplace, "trial", mock.Mock(side_effect=["killed", KeyboardInterrupt]))
    assert cli.main(["--size", "2", "--jobs", "1"], repository) == 130
    assert capsys.readouterr().out.splitlines()[-1].split()[2:] == ["1", "1", "0", "0"]


def test_an_unknown_module_is_named(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["counter"], repository) == 1
    assert "Received: counter. Try: count." in capsys.readouterr().err
