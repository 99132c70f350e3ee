"""A stage under `dvc repro` whose data is edited while it runs, and the record of a run."""

from __future__ import annotations

import json
import shutil
import signal

import pytest
import yaml

from projects import ROOT, Project

STAGE = """
import os, time
from pathlib import Path
from issuesum.files import replacing_directory
from issuesum.stages.runner import run

def main(params):
    with replacing_directory(Path("out")) as out:
        (out / "copy").write_bytes(Path("data/a/part").read_bytes())
        exec(os.environ.get("MEANWHILE", ""))
    return {"rows": 7}

if __name__ == "__main__":
    run("split", main)
"""
PIPELINE = {
    "stages": {
        "split": {
            "cmd": "python stage.py",
            "deps": ["data", "stage.py"],
            "params": ["split"],
            "outs": [{"out": {"persist": True}}],
        }
    }
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of one stage, which has run."""
    project = Project(tmp_path_factory.mktemp("honest") / "project")
    (project.path / "data/a").mkdir(parents=True)
    project.env["PYTHONPATH"] = str(ROOT / "src")
    (project.path / "data/a/part").write_text("1")
    (project.path / "stage.py").write_text(STAGE)
    (project.path / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    (project.path / ".gitignore").write_text(".issuesum/\n")
    shutil.copy(ROOT / "params.yaml", project.path)
    project.init()
    project.dvc("init", "--quiet")
    project.commit("begin")
    project.repro()
    return project


def records(project: Project) -> list[dict]:
    paths = (project.path / ".issuesum/runs").glob("*.json")
    return sorted((json.loads(path.read_text()) for path in paths), key=lambda of: of["started"])


def test_a_record_says_what_dvc_locked(project: Project) -> None:
    commit = project.run("git", "rev-parse", "HEAD").stdout.strip()
    (record,) = records(project)
    assert record["id"].startswith(record["started"][:10].replace("-", ""))
    assert (record["format"], record["stage"], record["state"]) == (1, "split", "done")
    assert (record["commit"], record["rows"], record["error"]) == (commit, 7, None)
    locked = project.lock()["split"]
    for kind in ("deps", "outs"):
        known = {
            item["path"]: {key: item[key] for key in ("md5", "size", "nfiles") if key in item}
            for item in locked[kind]
        }
        assert record[kind] == known
    assert record["bytes_in"] == sum(item["size"] for item in locked["deps"])
    assert record["bytes_out"] == sum(item["size"] for item in locked["outs"])


def test_data_edited_meanwhile_is_not_locked(project: Project) -> None:
    lock = (project.path / "dvc.lock").read_text()
    edit = "Path('data/a/part').write_text('22')"
    done = project.run("dvc", "repro", "--force", ok=False, MEANWHILE=edit)
    assert done.returncode != 0
    assert (
        "error: split: The dependencies of a stage must not change while it runs. "
        "Received: other content of data/a/part. Try: dvc repro again.\n"
    ) in done.stderr
    assert (project.path / "dvc.lock").read_text() == lock
    assert (project.path / "out/copy").read_text() == "1", "the earlier output stays"
    assert records(project)[-1]["state"] == "failed"


def test_ctrl_c_is_a_line_and_leaves_the_outputs(project: Project) -> None:
    before = (project.path / "out/copy").read_text()
    # Where the tests run in the background of a shell, SIGINT is ignored, by their children too.
    default = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        wait = "print('here', flush=True); time.sleep(60)"
        process = project.start("python", "stage.py", MEANWHILE=wait)
    finally:
        signal.signal(signal.SIGINT, default)
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "error: split: interrupted\n")
    assert ("failed", "interrupted") in [(r["state"], r["error"]) for r in records(project)]
    assert (project.path / "out/copy").read_text() == before
    assert not list(project.path.glob(".issuesum-*")), "what was half written is removed"


def test_a_stage_ended_by_sigterm_is_recorded(project: Project) -> None:
    wait = "print('here', flush=True); time.sleep(60)"
    process = project.start("python", "stage.py", MEANWHILE=wait)
    assert process.stdout.readline() == "here\n"
    assert sum(record["state"] == "running" for record in records(project)) == 1
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    states = [(record["state"], record["error"]) for record in records(project)]
    assert states.count(("failed", "ended by SIGTERM")) == 1
    assert not list(project.path.glob(".issuesum-*")), "what was half written is removed"
