"""An image that names a hostile repository: restoring it runs nothing and writes nowhere else."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, IssuesumError
from issuesum.lineage import git
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.restore.restoring import restore
from issuesum.registry.image import RemoteImage
from issuesum.registry.reference import Reference

# DVC 3 asks its tries of paths in a way that they are about to give up.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")

LOCK = "schema: '2.0'\nstages: {}\n"
STOLEN = b"stolen"
MD5 = hashlib.md5(STOLEN, usedforsecurity=False).hexdigest()
OUT = f"outs:\n- md5: {MD5}\n  size: 6\n  hash: md5\n  path: {{}}\n"
S3 = "['remote \"storage\"']\n    url = s3://bucket/x\n    endpointurl = http://127.0.0.1:9\n"


class Hostile:
    """A repository that an image names.

    Attributes:
        root: of the repository.
        victim: a folder that nothing may be written to.
        proof: a file that exists if something was run.
    """

    def __init__(self, folder: Path) -> None:
        self.root, self.victim, self.proof = (folder / name for name in ("evil", "victim", "proof"))
        self.victim.mkdir()
        (self.root / ".dvc").mkdir(parents=True)
        self.storage = folder / "storage"
        self.store(STOLEN)
        self.config(f"['remote \"storage\"']\n    url = {self.storage}\n")
        self.git("init", "--quiet", "--initial-branch=main")

    def store(self, content: bytes, suffix: str = "") -> str:
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
        stored = self.storage / "files/md5" / digest[:2] / digest[2:]
        stored.parent.mkdir(parents=True)
        stored.write_bytes(content)
        return digest

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        command = ["git", "-C", self.root, *who, *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def config(self, more: str) -> None:
        (self.root / ".dvc/config").write_text(f"[core]\n    remote = storage\n{more}")

    def image(self, **changes: object) -> Found:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")
        known = {
            "image": "r.io/a:b", "git": "a", "dvc": "b", "commit": git.head(self.root),
            "dirty": False, "hashes": {}, "lock": LOCK, "metrics": {}, "source": str(self.root),
            "created": "2026-11-25T12:00:00+00:00", "params": {}, "tools": {}, **changes,
        }  # fmt: skip
        content = json.dumps(known).encode()
        reference = Reference("r.io", "a").at(f"sha256:{'0' * 64}")
        return Found(
            RemoteImage(reference, 1, {}, "", ()), Provenance.parse(content, "r.io/a:b"), content
        )


def adding(path: str) -> bytes:
    return (
        f"diff --git a/{path} b/{path}\nnew file mode 100755\n--- /dev/null\n+++ b/{path}\n"
        "@@ -0,0 +1 @@\n+touch proof\n"
    ).encode()


def stated(patch: bytes) -> dict[str, str]:
    return {
        "sha256": hashlib.sha256(patch).hexdigest(),
        "base64": base64.b64encode(patch).decode(),
    }


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hostile:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    return Hostile(tmp_path)


def lock_is_a_link(of: Hostile) -> None:
    (of.root / "dvc.lock").symlink_to(of.victim / "lock")


def output_below_a_link(of: Hostile) -> None:
    (of.root / "data").symlink_to("../victim")
    (of.root / "x.dvc").write_text(OUT.format("data/.bashrc"))


def links_that_go_round(of: Hostile) -> None:
    (of.root / "a").symlink_to("b")
    (of.root / "b").symlink_to("a")
    lock_is_a_link(of)


def link_into_git(of: Hostile) -> None:
    (of.root / "data").symlink_to(".git/hooks")
    (of.root / "x.dvc").write_text(OUT.format("data/post-checkout"))


def aws_runs_a_program(of: Hostile) -> None:
    aws = of.root / "aws.ini"
    aws.write_text(f"[profile evil]\ncredential_process = touch {of.proof}\n")
    of.config(f"{S3}    configpath = {aws}\n    profile = evil\n")


def token_by_a_command(of: Hostile) -> None:
    of.config(
        "['remote \"storage\"']\n    url = webdav://127.0.0.1:9/x\n"
        f"    bearer_token_command = touch {of.proof}\n"
    )


def pickles_as_cache(of: Hostile) -> None:
    (of.root / ".dvc/config.local").write_text("[core]\n    site_cache_dir = pickles\n")


def cache_that_came_with_it(of: Hostile) -> None:
    (of.root / ".dvc/cache").mkdir()
    (of.root / ".dvc/cache/x").touch()


def cache_elsewhere(of: Hostile) -> None:
    of.config(f"[cache]\n    dir = {of.victim}\n    shared = group\n")


def config_that_is_none(of: Hostile) -> None:
    (of.root / ".dvc/config").write_text("[remote]\n    x = y\n")


def remote_that_is_no_section(of: Hostile) -> None:
    (of.root / ".dvc/config").write_text("remote = x\n")


def value_that_is_no_section(of: Hostile) -> None:
    (of.root / ".dvc/config").write_text("core = x\n")


def link_into_git_where_case_does_not_count(of: Hostile) -> None:
    (of.root / "data").symlink_to(".GIT/hooks")


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        (lock_is_a_link, "the link dvc.lock to "),
        (output_below_a_link, "the link data to ../victim"),
        (links_that_go_round, "the link dvc.lock to "),
        (link_into_git, "the link data to .git/hooks"),
        (aws_runs_a_program, "remote.storage.configpath in .dvc/config"),
        (token_by_a_command, "remote.storage.bearer_token_command in .dvc/config"),
        (pickles_as_cache, "core.site_cache_dir in .dvc/config.local"),
        (cache_that_came_with_it, ".dvc/cache"),
        (cache_elsewhere, "cache.dir in .dvc/config"),
        (config_that_is_none, "remote.x in .dvc/config"),
        (remote_that_is_no_section, "remote in .dvc/config"),
        (value_that_is_no_section, "core in .dvc/config"),
        (link_into_git_where_case_does_not_count, "the link data to .GIT/hooks"),
    ],
)
def test_a_tree_that_reaches_outside_is_refused_before_dvc_reads_it(
    attack: Callable[[Hostile], None], expected: str, hostile: Hostile, tmp_path: Path
) -> None:
    attack(hostile)
    found = hostile.image()
    found.exported()
    with pytest.raises(ArtifactError, match="must keep to its own folder") as refused:
        restore(found, tmp_path / "back", here=tmp_path)
    assert expected in str(refused.value)
    assert not hostile.proof.exists()
    assert list(hostile.victim.iterdir()) == []
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    "path",
    ["{victim}/absolute", "../victim/relative", ".git/hooks/post-checkout", ".dvc/config.local",
     ".Dvc/config", "HEAD", "s3://bucket/x"],
)  # fmt: skip
def test_an_output_elsewhere_is_refused(hostile: Hostile, tmp_path: Path, path: str) -> None:
    path = path.format(victim=hostile.victim)
    (hostile.root / "x.dvc").write_text(OUT.format(path))
    (hostile.root / "z.dvc").write_text(OUT.format("kept"))
    with pytest.raises(ArtifactError, match=f"Received: .*{Path(path).name}"):
        restore(hostile.image(), tmp_path / "back", here=tmp_path)
    assert list(hostile.victim.iterdir()) == []
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("entry", "refused"),
    [
        ({"relpath": "kept"}, False),
        ({"relpath": "../../victim/x"}, True),
        ({"relpath": "../.git/hooks/post-checkout"}, True),
        ({"relpath": "../.dvc/config.local"}, True),
        ({"relpath": "/x"}, True),
        ({"relpath": "deeper/.GIT/config"}, True),
        ({"relpath": "x", "md5": "aa/../../../../../../../victim/x"}, True),
    ],
)
def test_a_directory_lists_nothing_outside_of_it(
    hostile: Hostile, tmp_path: Path, entry: dict, *, refused: bool
) -> None:
    content = json.dumps([{"md5": MD5, **entry}]).encode()
    digest = hostile.store(content, ".dir")
    (hostile.root / "x.dvc").write_text(OUT.format("data").replace(MD5, digest))
    expected = pytest.raises(ArtifactError, match="Received: the list of the output data, which")
    with expected if refused else nullcontext():
        restore(hostile.image(), tmp_path / "back", here=tmp_path)
    assert list(hostile.victim.iterdir()) == []
    assert not (tmp_path / "back/.git/hooks/post-checkout").exists()
    assert (tmp_path / "back/data").exists() is not refused


@pytest.mark.parametrize(
    "more",
    ["deps:\n- path: s3://bucket/x\n  fs_config:\n    configpath: aws.ini\n",
     "deps:\n- path: x\n  repo:\n    url: ../evil\n"],
)  # fmt: skip
def test_what_another_configuration_gives_is_refused(
    hostile: Hostile, tmp_path: Path, more: str
) -> None:
    (hostile.root / "x.dvc").write_text(OUT.format("kept") + more)
    with pytest.raises(ArtifactError, match="must keep to its own folder"):
        restore(hostile.image(), tmp_path / "back", here=tmp_path)


def test_a_directory_whose_list_is_lost_is_not_pulled_and_the_others_are(
    hostile: Hostile, tmp_path: Path
) -> None:
    (hostile.root / "x.dvc").write_text(OUT.format("data").replace(MD5, f"{'0' * 32}.dir"))
    (hostile.root / "z.dvc").write_text(OUT.format("kept"))
    with pytest.raises(ArtifactError, match=r"Received: no data \(0{32}\.dir\)\. Try"):
        restore(hostile.image(), tmp_path / "back", here=tmp_path)
    assert (tmp_path / "back/kept").read_bytes() == STOLEN


def test_a_hash_is_no_path(hostile: Hostile, tmp_path: Path) -> None:
    (hostile.root / "x.dvc").write_text(OUT.format("kept").replace(MD5, "aa/../../../../victim/x"))
    with pytest.raises(ArtifactError, match="Received: the hash of the output kept, which"):
        restore(hostile.image(), tmp_path / "back", here=tmp_path)


@pytest.mark.parametrize("path", [".git/hooks/post-checkout", "../victim/x", "data/x"])
def test_a_patch_stays_in_the_tree(hostile: Hostile, tmp_path: Path, path: str) -> None:
    (hostile.root / "data").symlink_to("../victim")
    with pytest.raises(IssuesumError, match="The patch must apply"):
        restore(
            hostile.image(dirty=True, patch=stated(adding(path))), tmp_path / "back", here=tmp_path
        )
    assert list(hostile.victim.iterdir()) == []
    assert not (tmp_path / "back").exists()


def test_a_url_is_no_command_whatever_the_users_git_allows(
    hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowing = tmp_path / "gitconfig"
    allowing.write_text('[protocol]\n    allow = always\n[protocol "ext"]\n    allow = always\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(allowing))
    found = hostile.image(source=f"ext::sh -c touch% {hostile.proof}")
    with pytest.raises(IssuesumError, match="must be a Git repository that we may read"):
        restore(found, tmp_path / "back", here=tmp_path)
    assert not hostile.proof.exists()


@pytest.mark.parametrize("folder", ["inner", "inner/deeper"])
@pytest.mark.parametrize("dirty", [False, True])
def test_a_folder_that_looks_like_a_repository_is_refused_by_any_git(
    hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, *, dirty: bool
) -> None:
    # As a Git before 2.38 takes it, which does not know the option.
    monkeypatch.setattr(git, "SAFE", ())
    inner = hostile.root / "inner"
    hostile.git("commit", "--quiet", "--allow-empty", "--message", "first")
    hostile.git("clone", "--quiet", "--bare", str(hostile.root), str(inner))
    hostile.git("-C", str(inner), "config", "core.bare", "false")
    hostile.git("-C", str(inner), "config", "core.worktree", "..")
    hostile.git("-C", str(inner), "config", "core.fsmonitor", f"touch {hostile.proof}; false")
    for name in (".dvc", "deeper/.dvc", "refs/tags"):
        (inner / name).mkdir(exist_ok=True, parents=True)
        (inner / name / "config").write_text("")
    found = hostile.image(folder=folder, dirty=dirty, patch=stated(adding("src/x")))
    with pytest.raises(ArtifactError, match="Received: the bare repository inner, which"):
        restore(found, tmp_path / "back", here=tmp_path, data=False)
    assert not hostile.proof.exists()


def test_a_patch_makes_no_repository_of_a_folder(hostile: Hostile, tmp_path: Path) -> None:
    (hostile.root / "inner/.dvc").mkdir(parents=True)
    (hostile.root / "inner/.dvc/config").write_text("")
    (hostile.root / "inner/commondir").write_text("../other\n")
    found = hostile.image(folder="inner", dirty=True, patch=stated(adding("inner/HEAD")))
    with pytest.raises(ArtifactError, match="Received: the bare repository inner, which"):
        restore(found, tmp_path / "back", here=tmp_path, data=False)


@pytest.mark.parametrize(
    "wrong",
    [{"lock": 7}, {"metrics": []}, {"dirty": "no"}, {"folder": 1}, {"remote": "s3://x"},
     {"source": ["x"]}, {"patch": "x"}, {"commit": "--upload-pack=x"}, {"image": None}],
)  # fmt: skip
def test_what_is_of_the_wrong_kind_is_refused_by_name(hostile: Hostile, wrong: dict) -> None:
    (name,) = wrong
    expected = {"image": "Received: no image"}
    with pytest.raises(
        ArtifactError, match=expected.get(name, f"Received: {name} of the wrong kind. Try")
    ):
        hostile.image(**wrong).exported()
