"""A commit becomes a working tree, or nothing is left of the attempt."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import subprocess
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, RepositoryError
from issuesum.lineage import git
from issuesum.lineage.provenance.model import Exported
from issuesum.lineage.restore.restoring import apply_patch, checked_out
from issuesum.lineage.tag import dirty_patch
from provenances import exported


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with two commits of src/code.py."""
    root = tmp_path / "repository"
    (root / "src").mkdir(parents=True)
    _git(root, "init", "--quiet", "--initial-branch=main")
    for number in (1, 2):
        (root / "src/code.py").write_text(f"CODE = {number}\n")
        _git(root, "add", "--all")
        _git(root, "commit", "--quiet", "--message", str(number))
    return root


def _first(repository: Path) -> str:
    return git.run(repository, "rev-parse", "HEAD~1").decode().strip()


@pytest.mark.parametrize("clone", [False, True])
def test_an_earlier_commit_is_checked_out(repository: Path, tmp_path: Path, *, clone: bool) -> None:
    back = tmp_path / "back"
    commit = _first(repository)
    with checked_out(
        commit, back, here=repository, source=str(repository), clone=clone
    ) as owner:  # fmt: skip
        assert owner == (None if clone else repository)
    assert (back / "src/code.py").read_text() == "CODE = 1\n"
    assert git.head(back) == commit
    assert (repository / "src/code.py").read_text() == "CODE = 2\n"


def test_a_commit_that_is_not_here_is_fetched_from_where_the_image_says(
    repository: Path, tmp_path: Path
) -> None:
    _git(tmp_path, "clone", "--quiet", str(repository), "clone")
    (repository / "src/code.py").write_text("CODE = 3\n")
    _git(repository, "commit", "--quiet", "--all", "--message", "3")
    commit = git.head(repository)
    clone = tmp_path / "clone"
    with checked_out(
        commit, tmp_path / "back", here=clone, source=git.remote_url(clone), clone=False
    ) as owner:
        assert owner == clone
    assert git.head(tmp_path / "back") == commit


@pytest.mark.parametrize("clone", [False, True])
@pytest.mark.parametrize("exists", [False, True])
def test_nothing_is_left_after_an_error(
    repository: Path, tmp_path: Path, *, clone: bool, exists: bool
) -> None:
    back = tmp_path / "back"
    if exists:
        back.mkdir()
    with (
        pytest.raises(ArtifactError),
        checked_out(_first(repository), back, here=repository, source=str(repository), clone=clone),
    ):
        raise ArtifactError
    assert back.exists() == exists
    assert not exists or not list(back.iterdir())
    assert git.run(repository, "worktree", "list").count(b"\n") == 1


def test_a_folder_in_use_is_refused_and_left_alone(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "back").mkdir()
    (tmp_path / "back/mine").write_text("mine")
    with (
        pytest.raises(RepositoryError, match="must not exist or be an empty folder"),
        checked_out(
            _first(repository), tmp_path / "back", here=repository, source=None, clone=False
        ),
    ):
        pass
    assert (tmp_path / "back/mine").read_text() == "mine"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "Try: --source with the Git URL"),
        ("nowhere", "nowhere must be a Git repository that we may read"),
        ("repository", f"repository must have the commit {'0' * 40}"),
    ],
)
def test_a_commit_that_is_not_available_is_reported(
    source: str | None, message: str, repository: Path, tmp_path: Path
) -> None:
    where = str(tmp_path / source) if source else None
    with (
        pytest.raises(RepositoryError, match=message) as raised,
        checked_out("0" * 40, tmp_path / "back", here=tmp_path, source=where, clone=False),
    ):
        pass
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "back").exists()
    assert repository.is_dir()


def _provenance(root: Path, **changes: object) -> Exported:
    patch = dirty_patch(root)
    stated = {
        "sha256": hashlib.sha256(patch).hexdigest(),
        "base64": base64.b64encode(patch).decode(),
    }
    return exported(**{"dirty": True, "commit": git.head(root), "patch": stated, **changes})


def test_a_patch_leads_to_the_same_tree(repository: Path, tmp_path: Path) -> None:
    (repository / "src/code.py").unlink()
    (repository / "src/name with \u00e9.py").write_bytes(b"no newline \r\n at the end")
    (repository / "src/blob.bin").write_bytes(bytes(range(256)))
    provenance = _provenance(repository)
    back = tmp_path / "back"
    with checked_out(git.head(repository), back, here=repository, source=None, clone=False):
        apply_patch(back, provenance)
    assert dirty_patch(back) == dirty_patch(repository)
    assert sorted(path.name for path in (back / "src").iterdir()) == [
        "blob.bin",
        "name with \u00e9.py",
    ]


@pytest.mark.parametrize(
    ("patch", "error", "message"),
    [
        (None, ArtifactError, "must hold a patch. Received: none"),
        ({"sha256": "0", "base64": ""}, ArtifactError, "Received: other bytes"),
        ({"sha256": "0", "base64": "a"}, ArtifactError, "Received: other bytes"),
        (
            {"sha256": hashlib.sha256(b"no patch").hexdigest(), "base64": "bm8gcGF0Y2g="},
            RepositoryError,
            "The patch must apply to",
        ),
    ],
)
def test_a_patch_that_is_missing_or_broken_is_refused(
    patch: dict | None, error: type[Exception], message: str, repository: Path
) -> None:
    with pytest.raises(error, match=message):
        apply_patch(repository, _provenance(repository, patch=patch))


def test_contents_of_all_branches_are_found(repository: Path) -> None:
    _git(repository, "checkout", "--quiet", "-b", "other", "HEAD~1")
    (repository / "src/code.py").write_text("CODE = 9\n")
    _git(repository, "commit", "--quiet", "--all", "--message", "other")
    _git(repository, "checkout", "--quiet", "main")
    found = set(git.contents(repository, "src/code.py"))
    assert found == {b"CODE = 1\n", b"CODE = 2\n", b"CODE = 9\n"}
    assert list(git.contents(repository, "src/none.py")) == []


@pytest.mark.parametrize(
    "setting",
    ["diff.algorithm=histogram", "diff.interHunkContext=9", "diff.suppressBlankEmpty=true",
     "diff.noprefix=true", "diff.orderFile=order", "core.quotePath=false", "color.diff=always"],
)  # fmt: skip
def test_the_patch_is_the_same_whatever_git_is_set_to(
    repository: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    before = "".join(f"{number % 7}\n\n" for number in range(200))
    (repository / "src/code.py").write_text(before)
    (repository / "order").write_text("*.txt\n")
    _git(repository, "commit", "--quiet", "--all", "--message", "3")
    lines = before.splitlines(keepends=True)
    (repository / "src/code.py").write_text("".join(lines[50:100] + lines[:50] + lines[110:]))
    (repository / "src/é.txt").write_text("new\n")
    plain = dirty_patch(repository)
    key, value = setting.split("=")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", key)
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", value)
    assert dirty_patch(repository) == plain


def test_a_patch_that_no_image_should_carry_is_refused(repository: Path) -> None:
    (repository / "src/core.dump").write_bytes(random.Random(1).randbytes(5 * 2**20))  # noqa: S311
    with pytest.raises(RepositoryError, match=r"at most 4 MiB.* Try: git commit"):
        dirty_patch(repository)


def test_changes_within_a_submodule_must_be_committed(repository: Path, tmp_path: Path) -> None:
    _git(tmp_path, "clone", "--quiet", str(repository), "inner")
    _git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
         str(tmp_path / "inner"), "src/inner")  # fmt: skip
    _git(repository, "commit", "--quiet", "--message", "inner")
    (repository / "src/inner/src/code.py").write_text("CODE = 3\n")
    with pytest.raises(RepositoryError, match="changes within src/inner"):
        dirty_patch(repository)


@pytest.mark.parametrize("commit", ["--upload-pack=touch x", "main", "", None, "a" * 39])
def test_what_an_image_calls_its_commit_is_no_option_of_git(
    repository: Path, commit: str | None
) -> None:
    assert git.has_commit(repository, str(commit)) is False
    known = exported().model_dump(exclude_unset=True)
    content = json.dumps({**known, "commit": commit}).encode()
    with pytest.raises(ArtifactError, match=r"Received: (no commit|commit of the wrong kind)"):
        Exported.parse(content, "r.io/a:b")


def test_a_password_in_a_url_is_neither_shown_nor_kept(repository: Path, tmp_path: Path) -> None:
    nowhere = "http://user:hunter2@127.0.0.1:1/x.git"
    with (
        pytest.raises(RepositoryError) as refused,
        checked_out("a" * 40, tmp_path / "back", here=tmp_path, source=nowhere, clone=True),
    ):
        pass
    assert "hunter2" not in str(refused.value)
    address = f"file://user:hunter2@localhost{repository}"
    commit = git.head(repository)
    with checked_out(commit, tmp_path / "b", here=tmp_path, source=address, clone=True):
        pass
    assert "hunter2" not in (tmp_path / "b/.git/config").read_text()
