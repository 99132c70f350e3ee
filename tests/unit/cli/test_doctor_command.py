"""`issuesum doctor` as a person, a program and a terminal see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from issuesum.cli.doctor import _NAMES, command


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISSUESUM_REGISTRY", raising=False)
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text(encoding="utf-8"))


def test_outside_of_a_repository_and_without_an_engine_every_line_is_there(tmp_path: Path) -> None:
    # A process of its own: docker-py leaves the socket of an engine that is not there to Python.
    done = subprocess.run(
        [sys.executable, "-m", "issuesum", "doctor"],
        cwd=tmp_path,
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    lines = [line for line in done.stdout.splitlines() if line[:4].strip()]
    assert tuple(line[6:].split()[0] for line in lines[: len(_NAMES)]) == _NAMES
    assert "FAIL  engine       Docker Engine must answer. Received: " in done.stdout
    assert "note  base         not looked at" in done.stdout
    unwell = [line for line in lines if line.startswith(("note", "FAIL"))]
    assert done.stdout.count("Try: ") == len(unwell)


def test_what_is_chosen_alone_is_looked_at() -> None:
    done = CliRunner().invoke(command, ["--only", "params", "--only", "disk", "--json"])
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert said["ok"] is True
    assert [check["name"] for check in said["checks"]] == ["params", "disk"]
    assert set(said["checks"][0]) == {"name", "status", "found", "advice"}


def test_invalid_params_are_one_failure_and_hide_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("split: {}\n")
    arguments = [
        part for name in ("params", "base", "cluster", "memory") for part in ("--only", name)
    ]
    done = CliRunner().invoke(command, [*arguments, "--json"])
    assert done.exit_code == 1
    said = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert said["params"]["found"].startswith("params.yaml must match issuesum.params")
    assert said["base"]["status"] == said["cluster"]["status"] == "note"
    assert "available" in said["memory"]["found"]


def test_a_registry_that_is_no_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISSUESUM_REGISTRY", "bad registry")
    done = CliRunner().invoke(command, ["--only", "registry"])
    assert done.exit_code == 1
    assert "ISSUESUM_REGISTRY must be host[:port][/namespace]" in done.output


@pytest.mark.parametrize("colours", [True, False])
def test_marks_are_coloured_on_a_terminal_only(*, colours: bool) -> None:
    done = CliRunner().invoke(command, ["--only", "params"], color=colours)
    assert ("\x1b[32mok" in done.output) == colours
