"""What an image would be made from, in every kind of repository that a project may live in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, RepositoryError
from issuesum.lineage import git
from issuesum.lineage.dvc import hash_of
from issuesum.lineage.tag import dirty_patch, patched_files, version_of

BUNDLE = Path("serving/bundle")
PROBE = """\
import os
from pathlib import Path
from issuesum.lineage.tag import dirty_patch, patched_files
from issuesum.lineage.tag import version_of
bundle = Path("serving/bundle")
bundle.mkdir(parents=True, exist_ok=True)
bundle.joinpath("model").write_text("weights\\n")
made_from = version_of(Path(), bundle)
files = patched_files(dirty_patch(Path()))
Path(os.environ["SEEN"]).write_text(f"{made_from.tag} {made_from.commit} {files}")
"""


class Place:
    """A folder in which commands run without the settings of whoever runs the tests."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *command: str) -> str:
        who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
               for key, value in (("NAME", "T"), ("EMAIL", "t@example.com"))}  # fmt: skip
        env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "DVC_NO_ANALYTICS": "1"}
        done = subprocess.run(
            command, cwd=self.path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def project(folder: Path, *, subfolder: str | None = None) -> Place:
    """Make a repository with a bundle, as a whole or in a folder of a larger one."""
    place = Place(folder / (subfolder or ""))
    place.path.mkdir(parents=True, exist_ok=True)
    Place(folder).run("git", "init", "--quiet", "--initial-branch=main")
    place.write("src/a.py", "1\n")
    place.write("params.yaml", "x: 1\n")
    place.write("serving/bundle/model", "weights\n")
    place.write("serving/.gitignore", "/bundle\n")
    for name, text in (("config", ""), (".gitignore", "/config.local\n/tmp\n/cache\n")):
        place.write(f".dvc/{name}", text)
    place.run("git", "add", "--all")
    place.run("git", "commit", "--quiet", "--message", "first")
    return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return project(tmp_path / "project")


def test_a_clean_and_a_dirty_tree(place: Place) -> None:
    head = place.run("git", "rev-parse", "HEAD")
    bundle = hash_of(place.path / BUNDLE, place.path)
    made_from = version_of(place.path, place.path / BUNDLE)
    assert (made_from.commit, made_from.bundle, made_from.dirty) == (head, bundle, False)
    assert made_from.tag == f"{head[:12]}-{bundle[:12]}"
    place.write("src/b.py", "2\n")
    assert version_of(place.path, place.path / BUNDLE).tag == f"{head[:12]}-dirty-{bundle[:12]}"
    place.write("serving/bundle/model", "others\n")
    assert version_of(place.path, place.path / BUNDLE).bundle != bundle


def test_a_detached_head_a_worktree_and_a_shallow_clone(place: Place, tmp_path: Path) -> None:
    place.write("src/a.py", "2\n")
    place.run("git", "commit", "--quiet", "--all", "--message", "second")
    expected = version_of(place.path, place.path / BUNDLE)
    place.run("git", "worktree", "add", "--quiet", "--detach", str(tmp_path / "worktree"))
    place.run("git", "clone", "--quiet", "--depth=1", place.path.as_uri(), str(tmp_path / "clone"))
    place.run("git", "checkout", "--quiet", "--detach")
    assert version_of(place.path, place.path / BUNDLE) == expected
    for name in ("worktree", "clone"):
        other = Place(tmp_path / name)
        other.write("serving/bundle/model", "weights\n")
        assert version_of(other.path, other.path / BUNDLE) == expected
        other.write("src/a.py", f"{name}\n")
        assert version_of(other.path, other.path / BUNDLE).git == f"{expected.git}-dirty"


def test_a_project_in_a_folder_of_a_repository(tmp_path: Path) -> None:
    place = project(tmp_path, subfolder="teams/titles")
    outside = Place(tmp_path)
    outside.write("src/of_another_project.py", "1\n")
    assert not version_of(place.path, place.path / BUNDLE).dirty
    place.write("src/a.py", "2\n")
    place.write("params.yaml", "x: 2\n")
    assert version_of(place.path, place.path / BUNDLE).dirty
    changed = ["teams/titles/params.yaml", "teams/titles/src/a.py"]
    assert git.changed_files(place.path) == changed
    assert patched_files(dirty_patch(place.path)) == changed


def test_an_index_that_takes_a_changed_file_for_unchanged_is_not_believed(place: Place) -> None:
    place.run("git", "update-index", "--assume-unchanged", "src/a.py")
    place.write("src/a.py", "2\n")
    assert place.run("git", "status", "--porcelain") == ""
    assert version_of(place.path, place.path / BUNDLE).dirty
    assert patched_files(dirty_patch(place.path)) == ["src/a.py"]


def test_attributes_of_the_user_change_no_patch(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "class A:\n    def f(self):\n" + "        pass\n" * 9
    place.write("src/a.py", lines)
    place.run("git", "commit", "--quiet", "--all", "--message", "second")
    place.write("src/a.py", f"{lines}1\n")
    patch = dirty_patch(place.path)
    (tmp_path / "git").mkdir()
    (tmp_path / "git/attributes").write_text("*.py diff=python\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert dirty_patch(place.path) == patch


def test_a_name_that_is_not_utf_8_can_be_written(place: Place) -> None:
    subprocess.run(["git", "config", "user.name", b"J\xf6rg"], cwd=place.path, check=True)
    assert git.user(place.path) == "J\ufffdrg"


def test_without_a_commit_it_says_to_commit(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.run("git", "init", "--quiet")
    place.write("serving/bundle/model", "weights\n")
    with pytest.raises(RepositoryError) as refused:
        version_of(place.path, place.path / BUNDLE)
    (line,) = str(refused.value).splitlines()
    assert line.endswith("git init, git add and git commit.")


def test_without_a_bundle_it_says_so(place: Place) -> None:
    with pytest.raises(ArtifactError, match=r"other must exist.*dvc repro"):
        version_of(place.path, place.path / "serving/other")


@pytest.mark.parametrize("option", [[], ["--temp"]])
def test_an_experiment_is_its_baseline_and_a_patch_of_what_it_changes(
    option: list[str], place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("probe.py", PROBE)
    command = f"{sys.executable} probe.py"
    build = {"cmd": command, "params": ["x"], "outs": ["serving/bundle"]}
    place.write("dvc.yaml", json.dumps({"stages": {"build": build}}))  # JSON is YAML
    place.run("git", "add", "--all")
    place.run("git", "commit", "--quiet", "--message", "pipeline")
    head = place.run("git", "rev-parse", "HEAD")
    bundle = hash_of(place.path / BUNDLE, place.path)[:12]
    monkeypatch.setenv("SEEN", str(tmp_path / "seen.txt"))
    place.run(sys.executable, "-m", "dvc", "exp", "run", "--quiet", *option, "--set-param", "x=2")
    tag, commit, files = (tmp_path / "seen.txt").read_text().split(" ", 2)
    assert (tag, commit) == (f"{head[:12]}-dirty-{bundle}", head)
    assert files == "['params.yaml']"


def test_patched_files_are_listed_whatever_their_names(place: Place) -> None:
    names = ["src/a b/ b/x.py", "src/a.py", 'src/q"\\.py', "src/ü\n.py"]
    for name in names:
        place.write(name, "diff --git a/no b/no\n")
    assert patched_files(dirty_patch(place.path)) == sorted(names)
    not_utf_8 = b'diff --git "a/src/\\377.py" "b/src/\\377.py"\nnew file mode 100644\n'
    assert patched_files(not_utf_8) == ["src/\ufffd.py"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a.git?private_token=secret#secret", "https://example.com/a.git"),
        ("ssh://git@example.com/a.git", "ssh://git@example.com/a.git"),
        ("ssh://git:secret@example.com/a.git", "ssh://example.com/a.git"),
        ("oauth2:secret@example.com:a/b.git", "example.com:a/b.git"),
        ("/srv/a@b/c.git", "/srv/a@b/c.git"),
        ("s3://key:secret@bucket/path", "s3://bucket/path"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, shown: str) -> None:
    assert git.without_secrets(url) == shown
