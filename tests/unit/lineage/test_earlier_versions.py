"""What Git remembers of a file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from issuesum.errors import RepositoryError
from issuesum.lineage.git import earlier_versions


class Repository:
    """A Git repository whose clock moves by a minute a commit."""

    def __init__(self, path: Path) -> None:
        self.path, self.minutes = path, 500_000
        self.git("init", "--quiet", "--initial-branch=main", str(path))

    def git(self, *arguments: str) -> str:
        self.path.mkdir(parents=True, exist_ok=True)
        date = f"@{self.minutes * 60} +0000"
        who = {"NAME": "Test", "EMAIL": "test@example.com", "DATE": date}
        env = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**os.environ, **env, "GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, **files: str | None) -> str:
        """Commit changes of files, named without their suffix; None removes one."""
        self.minutes += 1
        for name, content in files.items():
            path = self.path / f"{name}.json"
            if content is None:
                path.unlink()
            else:
                path.write_text(content, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def _versions(repository: Repository, name: str = "data.json") -> list[tuple[str, str]]:
    return list(earlier_versions(repository.path / name))


def test_changes_are_listed_newest_first_and_other_commits_are_not(
    repository: Repository,
) -> None:
    repository.commit(other="1")
    first = repository.commit(data="ü one\n")
    repository.commit(other="2")
    second = repository.commit(data="two\n", other="3")
    (repository.path / "data.json").write_text("not committed")
    assert _versions(repository) == [(second, "two\n"), (first, "ü one\n")]


def test_a_file_in_a_folder_is_found_from_any_working_directory(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository.path / "eval").mkdir()
    (repository.path / "eval/data.json").write_text("deep")
    commit = repository.commit(data="shallow")
    monkeypatch.chdir(repository.path)
    assert list(earlier_versions(Path("eval/data.json"))) == [(commit, "deep")]
    assert list(earlier_versions(Path("data.json"))) == [(commit, "shallow")]
    monkeypatch.chdir(repository.path / "eval")
    assert list(earlier_versions(Path("data.json"))) == [(commit, "deep")]


def test_a_commit_that_removes_the_file_is_passed_over(repository: Repository) -> None:
    first = repository.commit(data="one")
    repository.commit(data=None)
    assert _versions(repository) == [(first, "one")]
    third = repository.commit(data="three")
    assert _versions(repository) == [(third, "three"), (first, "one")]


def test_a_name_is_no_pattern(repository: Repository) -> None:
    repository.commit(data="one")
    (repository.path / "*.json").write_text("star")
    commit = repository.commit()
    assert _versions(repository, "*.json") == [(commit, "star")]


def test_a_clock_that_goes_wrong_puts_no_commit_before_the_next(repository: Repository) -> None:
    base = repository.commit(data="base")
    repository.git("switch", "--quiet", "--create", "side")
    repository.minutes -= 1000
    side = repository.commit(data="side")
    repository.git("switch", "--quiet", "main")
    repository.minutes += 2000
    main = repository.commit(data="main")
    repository.git("merge", "--quiet", "--no-commit", "--strategy=ours", "side")
    merge = repository.commit(data="both")
    found = [commit for commit, _ in _versions(repository)]
    assert found == [merge, main, side, base]


def test_the_changes_of_a_merged_branch_are_reported(repository: Repository) -> None:
    base = repository.commit(data="base")
    repository.git("switch", "--quiet", "--create", "side")
    side = repository.commit(data="side")
    repository.git("switch", "--quiet", "main")
    repository.commit(other="1")
    repository.git("merge", "--quiet", "--no-edit", "side")
    assert _versions(repository) == [(side, "side"), (base, "base")]


def test_commits_after_head_do_not_count(repository: Repository) -> None:
    first = repository.commit(data="one")
    repository.commit(data="two")
    repository.git("checkout", "--quiet", first)
    assert _versions(repository) == [(first, "one")]


def test_a_shallow_clone_ends_earlier(repository: Repository, tmp_path: Path) -> None:
    repository.commit(data="one")
    last = repository.commit(data="two")
    repository.git(
        "clone", "--quiet", "--depth=1", repository.path.as_uri(), str(tmp_path / "clone")
    )
    assert list(earlier_versions(tmp_path / "clone/data.json")) == [(last, "two")]


def test_nothing_without_a_repository_a_commit_or_the_file(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _versions(repository) == []
    repository.commit(other="1")
    assert _versions(repository) == []
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "plain").mkdir()
    assert list(earlier_versions(tmp_path / "plain/data.json")) == []


def test_a_repository_that_cannot_be_read_is_an_error(repository: Repository) -> None:
    commit = repository.commit(data="one")
    (repository.path / ".git/objects" / commit[:2] / commit[2:]).unlink()
    with pytest.raises(RepositoryError, match=r"must be readable\. Received: .+ Try: ") as caught:
        _versions(repository)
    assert "\n" not in str(caught.value)


def test_a_machine_without_git_is_an_error(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepositoryError, match="git must be on PATH"):
        _versions(repository)
