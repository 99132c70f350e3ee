"""A review of dependencies says what it found, and never that all is well when nobody answered."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tomllib
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest
from docker.errors import ContainerError

from dependency_audit import asking, cli, debian, locked
from dependency_audit.result import Result
from registry_stub import Answer, Asked, serve

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PINNED = "urllib3==2.0.1 \\\n    --hash=sha256:00\nattrs==26.1.0 \\\n    --hash=sha256:00\n"


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return what puts a program on PATH that says and ends as it is told."""

    def put(name: str, *, out: str = "", err: str = "", code: int = 0) -> None:
        for stream, text in (("out", out), ("err", err)):
            (tmp_path / f"{name}.{stream}").write_text(text)
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\ncat {path}.out\ncat {path}.err >&2\nexit {code}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return put


def known(*vulnerable: str, skipped: str = "") -> str:
    listed = [
        {"name": name, "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
        for name in vulnerable
    ]
    listed.append({"name": "fine", "version": "1", "vulns": []})
    if skipped:
        listed.append({"name": skipped, "skip_reason": "not found"})
    return json.dumps({"dependencies": listed, "fixes": []})


@pytest.mark.parametrize(
    ("answer", "code", "expected"),
    [
        (known(), 0, ["ok"]),
        (known("urllib3"), 1, ["found"]),
        (known(skipped="urllib3"), 0, ["ok", "not checked"]),
        (known("urllib3", skipped="attrs"), 1, ["found", "not checked"]),
        ('{"dependencies": []}', 0, ["not checked"]),
        ("", 1, ["not checked"]),
    ],
)
def test_silence_is_not_taken_for_safety(
    stand_in, answer: str, code: int, expected: list[str]
) -> None:
    stand_in("pip-audit", out=answer, err="ConnectionError: no such host", code=code)
    results = asking.vulnerabilities(PINNED, "osv", {})
    assert [result.state for result in results] == expected
    if "found" in expected:
        assert results[0].found == ("urllib3 1: PYSEC-1, mended in 2",)
    if not answer:
        assert "no such host" in results[0].told


def test_a_missing_pip_audit_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert asking.vulnerabilities(PINNED, "osv", {}) == [
        Result("vulnerabilities", "not checked", "pip-audit is not installed: make setup")
    ]


def test_withdrawn_releases_are_told_with_the_reason(stand_in) -> None:
    warning = 'warning: `urllib3==2.0.1` is yanked (reason: "Truncated bodies")\n'
    stand_in("uv", err=warning)
    assert asking.yanked(PINNED).found == ("urllib3==2.0.1: Truncated bodies",)
    other = "warning: urllib3 2.0.1 was yanked: Truncated bodies"
    stand_in("uv", err=f"Resolved 2 packages\n{other}\n")
    assert asking.yanked(PINNED).found == (other,)
    stand_in("uv", err="error: no index\n", code=2)
    assert asking.yanked(PINNED) == Result(
        "withdrawn", "not checked", "the package index: error: no index"
    )
    stand_in("uv")
    assert asking.yanked(PINNED) == Result("withdrawn", "ok", "2 versions at the package index")


def test_the_uv_that_is_installed_words_it_as_we_read_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{root / '.uv/bin'}{os.pathsep}{os.environ['PATH']}")
    if not shutil.which("uv"):
        pytest.skip("no uv on PATH or in .uv")
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "left-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: left\nVersion: 1"
        )
        archive.writestr("left-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
    name = "left-1-py3-none-any.whl"
    listed = f'<a href="/{name}" data-yanked="Truncated bodies">{name}</a>'.encode()

    def index(asked: Asked) -> Answer:
        if asked.path.endswith(".whl"):
            return Answer(content=wheel.getvalue())
        return Answer(content=listed, headers={"Content-Type": "text/html"})

    with serve(index) as (host, _):
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{host}/simple")
        assert asking.yanked("left==1\n").found == ("left==1: Truncated bodies",)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Return what answers instead of `containers.run`."""
    client = Mock()
    monkeypatch.setattr("docker.from_env", lambda: client)
    return client.containers.run


def test_of_debian_the_reason_is_told_and_not_our_script(engine: Mock) -> None:
    said = b"W: Failed to fetch http://deb.debian.org  Could not resolve 'deb.debian.org'\n"
    engine.side_effect = ContainerError(Mock(), 1, ["-c", "script"], "a:b", said)
    assert debian.updates("a:b").told == f"Debian's archive, from a:b: {said.decode().strip()}"
    engine.side_effect = ContainerError(Mock(), 1, ["-c", "script"], "a:b", None)
    assert debian.updates("a:b").told == "Debian's archive, from a:b: no output"


def test_of_debian_security_updates_come_first(engine: Mock) -> None:
    engine.return_value = (
        b"96\nInst tzdata [1] (2 Debian:12/stable [all])\n"
        b"Inst libssl3 [3.0] (3.1 Debian-Security:12/stable-security [amd64])\n"
    )
    result = debian.updates("a:b")
    assert result.told == "96 packages of a:b"
    assert result.found == ("libssl3 3.0: 3.1 (security)", "tzdata 1: 2")
    assert not engine.call_args.kwargs.get("stderr")  # a warning is no count


@pytest.mark.parametrize("name", ["audit", "mutants", "services", "tour"])
def test_a_tool_without_its_environment_says_what_makes_it(
    root: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "tools").mkdir()
    for each in (name, "environment"):
        shutil.copy(root / "tools" / each, tmp_path / "tools")
    done = subprocess.run([tmp_path / "tools" / name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"error: {tmp_path}/.venv must hold the environment. Try: make setup\n")


def test_an_old_release_needs_a_reason_to_stay() -> None:
    package = {"name": "left", "version": "1", "wheels": [{"upload-time": "2019-05-15T04:54:30Z"}]}
    assert locked.old([package], {}, NOW).found == ("left 1 is of 2019-05",)
    assert locked.old([package], {"left": "it works"}, NOW).state == "ok"


def test_every_file_of_the_lock_has_a_hash_and_a_missing_one_is_found(root: Path) -> None:
    packages = locked.read_lock(root)
    assert locked.unhashed(packages).state == "ok"
    packages.append({"name": "x", "wheels": [{"url": "https://x"}]})
    assert locked.unhashed(packages).found == ("x: https://x",)


def test_what_was_left_is_still_there_and_needed_for_a_reason(root: Path) -> None:
    accepted = tomllib.loads((root / "tools/dependency_audit/accepted.toml").read_text())
    packages = locked.read_lock(root)
    assert set(accepted["old"]) <= {one["name"] for one in packages}
    assert locked.licences(root, accepted["licences"]).state == "ok"
    found = locked.licences(root, {}).found
    assert [line.split(":")[0].split()[0] for line in found] == list(accepted["licences"])


@pytest.mark.parametrize(
    ("states", "code"),
    [(["ok", "ok"], 0), (["ok", "not checked"], 3), (["found", "not checked"], 1)],
)
def test_the_exit_code_tells_a_finding_from_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], states: list, code: int
) -> None:
    results = [Result("q", state, "told", ("line",)) for state in states]
    monkeypatch.setattr(cli, "_results", lambda *_: iter(results))
    assert cli.main([]) == code
    assert capsys.readouterr().out.count("- line") == len(states)


def test_what_the_image_installs_is_pinned_by_hash(root: Path) -> None:
    pinned = (root / "serving/requirements.txt").read_text()
    entries = pinned.replace("\\\n", " ").splitlines()
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert "--require-hashes -r /requirements.txt" in (root / "Dockerfile").read_text()
