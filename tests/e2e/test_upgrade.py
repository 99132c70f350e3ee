"""An earlier clone with data, params and an image of its own is pulled up to this code."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from missing import without
from projects import ROOT, Project, copy_project

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

EARLIER = "4996681f2a4c2057158d8b3ce6b24403001e0b76"
"""Before packages, commands and the model's path were changed."""
OUTPUTS = (
    "data/features/vocabulary.json",
    "data/split/test/part-00000.csv",
    "data/split/train/part-00000.csv",
    "data/split/validation/part-00000.csv",
    "eval/data/report.html",
    "eval/examples.csv",
    "eval/plots/scores.csv",
    "eval/scores.csv",
    "eval/train/metrics.json",
    "models/model.weights.h5",
    "serving/bundle/model/encoder.onnx",
)
"""Stand-ins for what the earlier pipeline would make in minutes of training."""
PUSH = """\
import sys, docker
from pathlib import Path
from light_images import push_light
push_light(docker.from_env(), Path(), sys.argv[1])
"""
WHO = {
    f"GIT_{role}_{what}": "ada" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """Return a repository whose main is the code under test, at the end of its real history."""
    if subprocess.run(["git", "cat-file", "-e", EARLIER], cwd=ROOT, check=False).returncode:
        without(f"the history does not reach back to {EARLIER[:12]}: git fetch --unshallow")
    project = copy_project(tmp_path / "upstream")
    project.run("git", "fetch", "--quiet", str(ROOT), "HEAD")
    project.run("git", "reset", "--quiet", "--soft", "FETCH_HEAD")
    project.run("git", "checkout", "--quiet", "HEAD", "--", "dvc.lock", "eval/metrics.json")
    project.commit("Code under test")
    return project.path


@pytest.fixture
def clone(upstream: Path, tmp_path: Path, services) -> Project:
    """Return a clone in which the earlier code tracked other data and pushed an image."""
    project = Project(tmp_path / "clone")
    subprocess.run(["git", "clone", "--quiet", upstream, project.path], check=True)
    project.run("git", "checkout", "--quiet", "-B", "main", EARLIER)
    issues(tmp_path / "issues.csv", 0, 200)
    project.run("issuesum", "ingest", str(tmp_path / "issues.csv"))
    project.dvc("remote", "modify", "storage", "url", str(tmp_path / "remote"))
    project.edit("params.yaml", smaller)
    project.commit("Add our issues")
    for name in OUTPUTS:
        path = project.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    rows = {"read": 200, "train": 160, "validation": 20, "test": 20}
    (project.path / "data/split/summary.json").write_text(json.dumps(rows))
    for name in ("eval/data.json", "eval/metrics.json"):
        project.edit(name, lambda text: re.sub(r'("(?:test|test_rows)": )\d+', r"\g<1>20", text))
    helpers = f"{project.path}/src{os.pathsep}{project.path}/tests/support"
    repository = f"{services.registry}/issuesum-test-upgrade-{uuid4().hex[:8]}"
    for stages in (["split", "preprocess", "train", "build", "evaluate"], ["export"]):
        project.dvc("commit", "--quiet", "--force", *stages)
        if stages != ["export"]:
            project.run(sys.executable, "-c", PUSH, repository, PYTHONPATH=helpers)
    project.commit("Results of our issues")
    project.dvc("push", "--quiet")
    return project


def test_an_earlier_clone_keeps_its_data_and_images_when_it_is_updated_as_documented(
    clone: Project, tmp_path: Path
) -> None:
    before = {name: (clone.path / name).read_bytes() for name in OUTPUTS}
    image = json.loads((clone.path / "serving/image.json").read_text())["image"]
    raw = clone.run("git", "show", "HEAD:data/raw/github_issues.csv.dvc").stdout
    earlier = clone.run("git", "rev-parse", "HEAD~1").stdout.strip()

    for command in documented():
        done = clone.run("sh", "-c", command, ok=False, **WHO)
        if command.startswith("git pull"):
            assert done.returncode == 1
            assert "CONFLICT (content): Merge conflict in dvc.lock" in done.stdout
        elif command.startswith("git diff"):
            assert "<<<<<<< HEAD" in done.stdout
            clone.run("git", "checkout", "--quiet", "--theirs", "params.yaml")
            clone.edit("params.yaml", smaller)
        else:
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    assert clone.run("git", "status", "--porcelain").stdout == ""
    assert (clone.path / "data/raw/github_issues.csv.dvc").read_text() == raw

    assert image in clone.issuesum("provenance").stdout
    clone.issuesum("verify", image)
    back = Project(tmp_path / "back")
    clone.issuesum("restore", image, str(back.path))
    assert {name: (back.path / name).read_bytes() for name in OUTPUTS} == before
    assert back.run("git", "rev-parse", "HEAD").stdout.strip() == earlier

    issues(tmp_path / "more.csv", 200, 240)
    clone.issuesum("ingest", "--append", str(tmp_path / "more.csv"))
    assert clone.repro("split") == ["split"]
    summary = json.loads((clone.path / "data/split/summary.json").read_text())
    assert summary["train"] + summary["validation"] + summary["test"] == 240


def documented() -> list[str]:
    """Return the commands of the upgrade note that need no new environment and no training."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    block = re.search(r"^```console\n(\$ git pull .*?)^```", page, re.MULTILINE | re.DOTALL)
    assert block
    lines = [re.sub(r"\s+#.*", "", line[2:]) for line in block[1].splitlines()]
    here = [line for line in lines if not line.startswith("make setup")]
    assert len(here) < len(lines)
    return here


def issues(path: Path, first: int, end: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["issue_url", "issue_title", "body"])
        for number in range(first, end):
            title = f"Button {number} of the settings page does nothing"
            url = f"https://github.com/a/b/issues/{number}"
            writer.writerow([url, title, f"When I press button {number}, nothing happens."])


def smaller(params: str) -> str:
    return re.sub(r"(embedding_dim: )\d+", r"\g<1>64", params)
