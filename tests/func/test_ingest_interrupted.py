"""An `ingest --append` that is killed, or whose disk is full, at any moment loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import interrupted_ingest
import projects

ROWS = "".join(f"https://example.org/{n},title {n},{f'body {n} ' * 12}\n" for n in range(1_500))
HEADER = "issue_url,issue_title,body\n"


@pytest.mark.parametrize(("how", "count"), [("kill", 20), ("full", 5)])
def test_the_data_is_old_or_new_and_the_same_command_again_ends_it(
    how: str, count: int, tmp_path: Path
) -> None:
    project = projects.Project(tmp_path / "project")
    project.init()
    project.dvc("init", "--quiet")
    lines = ROWS.splitlines(keepends=True)
    (project.path / "base.csv").write_text(HEADER + "".join(lines[:900]))
    (project.path / "more.csv").write_text(HEADER + "".join(lines[900:]))
    old = json.loads(project.issuesum("ingest", "base.csv", "--json").stdout)["md5"]
    (tmp_path / "copies").mkdir()
    script = str(Path(interrupted_ingest.__file__))
    done = subprocess.run(
        [sys.executable, script, str(project.path), str(tmp_path / "copies"), str(count), how],
        env=project.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    whole, *found = map(json.loads, done.stdout.splitlines())
    assert whole == {"data": whole["data"], "recorded": whole["data"], "cached": True}
    assert len(found) == count
    for one in found:
        assert one["after"]["data"] in (old, whole["data"]), one
        assert one["after"]["recorded"] in (old, whole["data"]), one
        assert one["after"]["cached"], one
        assert (one["again"], one["finally_"]) == (0, whole), one
        if how == "full" and one["ended"]:
            assert one["ended"] in (3, 8), one["stderr"]
            assert one["stderr"].count("\n") == 1
            assert one["after"] == {"data": old, "recorded": old, "cached": True}
