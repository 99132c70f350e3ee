"""Checks of an image that need no registry."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from attestations import all_labels, exported, provenance
from issuesum.registry.image import RemoteImage
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.verification import (
    wrong_commit,
    wrong_labels,
    wrong_lock,
    wrong_tag,
)

IMAGE = Reference.parse(f"localhost:5000/titles@sha256:{'c' * 64}")


def labelled(labels: dict[str, str]) -> RemoteImage:
    return RemoteImage(IMAGE, size=1, labels=labels, created="", layers=())


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", *arguments],
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "begin")
    return tmp_path


def lock(folder: Path, hashes: dict[str, str]) -> None:
    outs = [{"path": name, "md5": value} for name, value in hashes.items() if name != "uv.lock"]
    (folder / "dvc.lock").write_text(yaml.safe_dump({"stages": {"all": {"outs": outs}}}))
    git(folder, "add", "dvc.lock")
    git(folder, "commit", "-qm", "lock")


def test_labels_are_those_of_the_provenance_and_no_others() -> None:
    origin = provenance()
    content = json.dumps(origin, indent=2).encode()
    good = all_labels(origin)
    assert wrong_labels(labelled({**good, "vendor": "x"}), content) is None
    wrong = wrong_labels(labelled({**good, "io.issuesum.dvc": "x"}), content)
    assert wrong == "io.issuesum.dvc is 'x', but by /app/provenance.json 'bbbbbbbbbbbb'"
    wrong = wrong_labels(labelled({**good, "io.issuesum.more": "x"}), content)
    assert wrong == "io.issuesum.more is 'x', but by /app/provenance.json None"
    wrong = wrong_labels(labelled(good), content + b" ")
    assert wrong
    assert wrong.startswith("io.issuesum.provenance is ")
    patched = {**origin, "patch": {"sha256": "7" * 64, "base64": ""}}
    wrong = wrong_labels(labelled(good), json.dumps(patched, indent=2).encode())
    assert wrong == f"io.issuesum.patch is None, but by /app/provenance.json '{'7' * 64}'"


def test_the_tag_is_made_of_commit_and_bundle() -> None:
    origin = exported()
    assert wrong_tag(None, origin) is None
    assert wrong_tag(f"{'1' * 12}-{'b' * 12}", origin) is None
    assert wrong_tag("latest", origin) == f"latest holds the image {'1' * 12}-{'b' * 12}"
    wrong = wrong_tag(None, exported(dirty=True))
    assert wrong
    assert "contradicts itself" in wrong


def test_the_commit_is_looked_up(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    tree = git(repository, "rev-parse", "HEAD^{tree}")
    assert wrong_commit(repository, exported(commit=head)) is None
    for other in ("1" * 40, tree):
        wrong = wrong_commit(repository, exported(commit=other))
        assert wrong
        assert wrong.startswith(f"no commit {other} here")


def test_the_hashes_stand_together_in_one_dvc_lock_of_any_branch(repository: Path) -> None:
    origin = exported()
    assert wrong_lock(repository, origin)  # no dvc.lock at all
    hashes = origin.hashes
    git(repository, "checkout", "-q", "-b", "other")
    lock(repository, {**hashes, "raw": "0" * 32})
    lock(repository, {**hashes, "model": "0" * 32})
    assert wrong_lock(repository, origin)  # each hash somewhere, but never all of them
    (repository / "dvc.lock").write_text(
        "\n".join(f"md5: {each}" for each in hashes.values() if each)
    )
    assert wrong_lock(repository, origin) == "dvc.lock is not committed: git commit dvc.lock"
    lock(repository, hashes)
    lock(repository, {})
    git(repository, "checkout", "-q", "-")
    assert wrong_lock(repository, origin) is None
