"""A pipeline with another stage: dvc.yaml, one file, its params, and nothing else to edit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from projects import Project

pytestmark = pytest.mark.slow
STAGE = '''
"""Count the issues of the training split."""

from pathlib import Path

from pydantic import BaseModel

from issuesum.files import write_json
from issuesum.layout import SPLIT
from issuesum.stages.params import Params
from issuesum.training.corpus.shards import read_head


class CensusParams(BaseModel, extra="forbid"):
    rows: int


def main(params: Params) -> dict[str, int]:
    found = len(read_head(SPLIT / "train", params.section("census", CensusParams).rows))
    write_json(Path("data/census.json"), {"issues": found})
    return {"rows": found}

'''
ENTRY = {
    "desc": "Count the issues of the training split.",
    "cmd": "sh tools/stage census",
    "deps": ["data/split/train", "src/issuesum/stages/census.py"],
    "params": ["census"],
    "outs": ["data/census.json"],
}


@pytest.fixture(scope="module")
def project(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = finished.copy(tmp_path_factory.mktemp("another") / "project")
    pipeline = yaml.safe_load((made.path / "dvc.yaml").read_text(encoding="utf-8"))
    stages = pipeline["stages"]
    first = {name: stages.pop(name) for name in ("split", "preprocess")}
    pipeline["stages"] = {**first, "census": ENTRY, **stages}
    made.edit("dvc.yaml", lambda _: yaml.safe_dump(pipeline, sort_keys=False))
    made.edit("params.yaml", lambda text: f"{text}census:\n  rows: 100\n")
    (made.path / "src/issuesum/stages/census.py").write_text(STAGE, encoding="utf-8")
    assert made.repro("census") == ["census"]
    # Of the commits that have this bundle the first one counts: it shall have the stage already.
    made.run("git", "reset", "--quiet", "--soft", "HEAD~1")
    made.commit("run")
    return made


def test_provenance_shows_what_it_made(project: Project) -> None:
    document = json.loads(project.issuesum("provenance", "serving/bundle", "--json").stdout)
    made = {item["name"]: item for item in document["provenance"]["artefacts"]}
    assert list(made) == ["raw", "split", "census", "features", "model", "bundle"]
    path = project.path / "data/census.json"
    assert made["census"]["path"] == "data/census.json"
    assert made["census"]["md5"] == project.lock()["census"]["outs"][0]["md5"]
    assert json.loads(path.read_text()) == {"issues": 100}
    assert document["provenance"]["params"]["census"] == {"rows": 100}
    assert "census" in project.issuesum("provenance", "serving/bundle").stdout
    page = project.path / "page.html"
    project.issuesum("provenance", "serving/bundle", "--html", str(page))
    assert made["census"]["md5"][:12] in page.read_text(encoding="utf-8")


def test_jobs_list_it(project: Project) -> None:
    (job,) = json.loads(project.issuesum("jobs", "--stage", "census", "--json").stdout)
    assert (job["state"], job["rows"]) == ("done", 100)
    assert list(job["outs"]) == ["data/census.json"]


def test_the_report_draws_it(project: Project) -> None:
    project.issuesum("report")
    for name in ("report.md", "report.html"):
        (page,) = (project.path / "eval/report").glob(name)
        assert "census" in Path(page).read_text(encoding="utf-8")
