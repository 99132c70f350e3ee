"""What the documentation says is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from issuesum.cli import VERBS

PAGES = [
    "README.md",
    "CHANGELOG.md",
    *(
        f"docs/{name}.md"
        for name in (
            "architecture",
            "attestations",
            "benchmarks",
            "ci",
            "data",
            "diff",
            "experiments",
            "jobs",
            "gate",
            "export",
            "kubernetes",
            "model",
            "predict",
            "releases",
            "restore",
            "retraining",
            "preprocessing",
            "provenance",
            "report",
            "services",
            "serving",
            "serving-on-kubernetes",
            "web",
            "tensorflow-serving",
        )
    ),
]


def test_the_dag_in_the_readme_is_that_of_dvc(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^    (\w+)(?:\[\(.*?\)\])? --> (\w+)", readme, re.MULTILINE))
    dag = subprocess.run(
        [sys.executable, "-m", "dvc", "dag", "--md"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    names = dict(re.findall(r'(node\d+)\["(.*?)"\]', dag))
    names = {node: "raw" if name.startswith("data/raw") else name for node, name in names.items()}
    edges = {(names[a], names[b]) for a, b in re.findall(r"(node\d+)-->(node\d+)", dag)}
    assert drawn == edges | {("export", "registry")}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str, root: Path) -> None:
    text = (root / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    missing = [link for link in links if not (root / page).parent.joinpath(link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_verbs_and_make_targets_exist(page: str, root: Path) -> None:
    text = (root / page).read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|\$ |&& )issuesum (?:-v )?([a-z]+)", text)) <= set(VERBS)
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:\$ |`)make ([a-z-]+)", text):
        assert f"\n{target}:" in makefile


def test_the_requirements_of_the_image_are_those_of_the_lock(root: Path) -> None:
    lock = (root / "uv.lock").read_text(encoding="utf-8")
    versions = dict(re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', lock))
    requirements = (root / "serving/requirements.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9._-]+)==([^ ]+)", requirements, re.MULTILINE))
    assert {"seldon-core", "onnxruntime", "numpy"} <= pinned.keys()
    assert pinned == {name: versions[name] for name in pinned}
    assert requirements.count("--hash=sha256:") >= len(pinned)
