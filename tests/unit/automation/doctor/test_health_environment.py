"""What is installed, beside what the lock of this very project says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from issuesum.automation.doctor.environment import (
    environment,
    installed_extra,
    installed_versions,
    lock_file,
)
from issuesum.automation.doctor.interpreter import interpreter
from issuesum.automation.doctor.lock import Lock
from issuesum.automation.doctor.project import read_uv_lock
from issuesum.errors import RepositoryError

FILES = ("pyproject.toml", "uv.lock", "serving/requirements.txt")


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """Return a folder with the files that are compared, to be changed."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(root / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="module")
def lock(root: Path) -> Lock:
    return read_uv_lock(root)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_all_that_the_lock_wants_is_enough(project: Path, lock: Lock) -> None:
    installed = lock.wanted("cpu") | lock.wanted_by_groups("cpu") | {"a-tool-of-mine": "1"}
    found = environment(project, installed, Path("elsewhere"))
    assert (found.status, found.advice) == ("ok", "")
    assert "extra cpu" in found.found
    assert installed_extra(project, installed) == "cpu"


def test_the_gpu_extra_is_recognised_by_what_is_installed(project: Path, lock: Lock) -> None:
    installed = lock.wanted("gpu")
    assert installed_extra(project, installed) == "gpu"
    broken = installed | {"numpy": "2.0"}
    assert environment(project, broken, Path()).advice == "make setup EXTRA=gpu"


@pytest.mark.parametrize(
    ("have", "words"),
    [({"numpy": "0.1"}, "numpy 0.1 instead of 1.26"), ({"numpy": None}, "numpy missing instead")],
)
def test_the_first_difference_is_named(
    have: dict[str, str | None], words: str, project: Path, lock: Lock
) -> None:
    installed = {k: v for k, v in (lock.wanted("cpu") | have).items() if v}
    found = environment(project, installed, Path())
    assert found.status == "fail"
    assert found.found.startswith("1 of ")
    assert words in found.found
    assert found.advice == "make setup"


def test_missing_tools_of_developers_stop_nothing(project: Path, lock: Lock) -> None:
    found = environment(project, lock.wanted("cpu"), Path())
    assert found.status == "note"
    assert "that tests and checks need" in found.found


def test_code_of_another_clone_is_noticed(project: Path, lock: Lock) -> None:
    (project / "src/issuesum").mkdir(parents=True)
    found = environment(project, lock.wanted("cpu"), Path("/other/src/issuesum"))
    assert found.status == "note"
    assert "/other/src/issuesum" in found.found


def test_the_lock_is_that_of_its_neighbours(project: Path) -> None:
    assert lock_file(project).status == "ok"


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("pyproject.toml", '"click>=8.4"', '"click>=9"', "another pyproject.toml: click"),
        ("pyproject.toml", '"tf2onnx>=1.16.1"', '"tf2onnx"', "another pyproject.toml: tf2onnx"),
        ("pyproject.toml", '"zizmor>=1.10"', '"zizmor", "q"', "another pyproject.toml: q, zizmor"),
        ("serving/requirements.txt", "numpy==1.26", "numpy==1.25", "other versions than uv.lock: "),
    ],
)
def test_a_lock_that_differs_is_told(
    name: str, old: str, new: str, words: str, project: Path
) -> None:
    _edit(project / name, old, new)
    found = lock_file(project)
    assert found.status == "fail"
    assert words in found.found
    assert found.advice == "make lock"


def test_of_two_distributions_of_one_name_the_first_counts() -> None:
    assert installed_versions([(None, ""), ("A_b", "1"), ("a-B", "2")]) == {"a-b": "1"}


def test_what_lost_its_metadata_is_told(project: Path, lock: Lock) -> None:
    found = environment(project, lock.wanted("cpu"), Path(), broken=1)
    assert found.status == "note"
    assert "besides, 1 *.dist-info without METADATA" in found.found


@pytest.mark.parametrize(
    ("version", "on_path", "status", "advice"),
    [
        ("3.12.4", "/env/bin/python", "ok", ""),
        ("3.13.0", "/env/bin/python", "fail", "make setup"),
        ("3.12.4", "/usr/bin/python", "fail", ". /env/bin/activate"),
        ("3.12.4", None, "fail", ". /env/bin/activate"),
    ],
)
def test_the_python_must_be_the_one_that_starts_stages(
    version: str, on_path: str | None, status: str, advice: str, project: Path
) -> None:
    found = interpreter(project, version, Path("/env/bin/python3"), on_path, "/bin/sh")
    assert (found.status, found.advice) == (status, advice)


def test_one_folder_by_two_names_is_one(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "link").symlink_to("env")
    monkeypatch.chdir(tmp_path)
    for on_path in ("env/python", "link/python"):
        assert interpreter(project, "3.12.4", tmp_path / "env/python", on_path, "").status == "ok"


@pytest.mark.parametrize(
    ("shell", "advice"),
    [
        ("/bin/bash", ". '/my env/activate'"),
        ("/usr/bin/fish", "source '/my env/activate.fish'"),
    ],
)
def test_the_advice_is_for_the_shell_of_the_user(shell: str, advice: str, project: Path) -> None:
    found = interpreter(project, "3.12.4", Path("/my env/python"), None, shell)
    assert found.advice == advice


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock"])
def test_marks_of_a_merge_are_told_with_advice(name: str, project: Path) -> None:
    (project / name).write_text("<<<<<<< HEAD\n")
    with pytest.raises(RepositoryError, match=rf"{name} must be whole.*marks of a merge"):
        environment(project, {}, Path())
    with pytest.raises(RepositoryError, match=f"{name} must be whole"):
        lock_file(project)


def test_a_lock_of_another_project_is_told(project: Path) -> None:
    (project / "uv.lock").write_text("version = 1\n")
    with pytest.raises(RepositoryError, match="no package issuesum"):
        lock_file(project)
    assert installed_extra(project, {}) is None
    (project / "uv.lock").unlink()
    with pytest.raises(RepositoryError, match=r"git checkout uv\.lock, or make lock"):
        environment(project, {}, Path())


@pytest.mark.parametrize("content", [None, "[tool.x]\n", "[project]\nname = 'other'\n"])
def test_elsewhere_nothing_is_compared(content: str | None, tmp_path: Path) -> None:
    if content:
        (tmp_path / "pyproject.toml").write_text(content)
    for found in (
        interpreter(tmp_path, "3.12.4", Path("/env/bin/python"), None, ""),
        environment(tmp_path, {}, Path()),
        lock_file(tmp_path),
    ):
        assert found.status == "note"
        assert str(tmp_path) in found.found
    assert installed_extra(tmp_path, {}) is None
