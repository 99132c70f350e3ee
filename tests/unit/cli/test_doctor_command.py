"""`issuesum doctor` as a person, a program and a terminal see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from issuesum.cli.doctor import _NAMES, _PREPARE, command


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
    assert tuple(_PREPARE) == _NAMES
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
    assert said["params"]["found"].startswith("params.yaml must match issuesum.stages.params")
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


@pytest.mark.parametrize("verb_options", [["--only", "params"], ["--only", "git"]])
def test_only_what_is_chosen_is_imported(verb_options: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom issuesum.cli.doctor import command\n"
        f"command.main({verb_options}, standalone_mode=False)\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split("LOADED ")[1].split())
    assert not {"dvc", "docker", "dask", "s3fs", "botocore", "requests"} & loaded


def test_a_missing_package_fails_the_checks_that_need_it_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules, "issuesum.automation.doctor.pipeline", raising=False)
    names = ("environment", "dvc", "params", "remote", "disk")
    arguments = [part for name in names for part in ("--only", name)]
    done = CliRunner().invoke(command, [*arguments, "--json"])
    assert done.exit_code == 1
    said = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    for name in ("dvc", "remote"):
        assert said[name]["status"] == "fail"
        assert said[name]["found"].startswith("cannot be imported: ModuleNotFoundError: ")
        assert "s3fs" in said[name]["found"]
        assert said[name]["advice"] == "make setup"
    assert "fail" not in {said[name]["status"] for name in ("environment", "params", "disk")}


def test_a_distribution_without_metadata_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).write_text((root / name).read_text(encoding="utf-8"))
    (tmp_path / "site/numpy-0.1.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    done = CliRunner().invoke(command, ["--only", "environment", "--only", "compute", "--json"])
    environment, compute = json.loads(done.stdout)["checks"]
    assert "without METADATA" in environment["found"]
    assert " cores" in compute["found"]
