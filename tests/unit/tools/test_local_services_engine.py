"""What is installed and started on a machine, and what is asked of a person instead."""

from __future__ import annotations

import os
import time

import pytest

from local_services import apt, base_image, engine
from local_services.common import ServiceError
from local_services.engine import Engine
from local_services.settings import read


def no_engine(monkeypatch, reason):
    monkeypatch.setattr(engine, "refusal", lambda: reason)
    monkeypatch.setattr(apt, "is_root", lambda: False)


@pytest.mark.parametrize(
    ("env", "reason", "message"),
    [
        ({}, "no such file", r"Docker Engine must answer at .*Try: install and start Docker"),
        ({}, "Permission denied", r"must be allowed to use .*Try: join the group docker"),
        ({"DOCKER_HOST": "tcp://x:1"}, "refused", r"DOCKER_HOST must name .*Received: tcp://x:1"),
    ],
)
def test_without_root_a_user_gets_advice(tmp_path, monkeypatch, env, reason, message):
    no_engine(monkeypatch, reason)
    with pytest.raises(ServiceError, match=message):
        Engine(read(env | {"ISSUESUM_STATE": str(tmp_path)})).up()


def test_engine_that_ends_at_once_is_reported_with_its_last_line(tmp_path, monkeypatch):
    fake = tmp_path / "dockerd"
    fake.write_text("#!/bin/sh\necho starting\necho no cgroups here\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(engine, "refusal", lambda: time.sleep(0.1) or "no answer")
    monkeypatch.setattr(engine, "PID_FILE", tmp_path / "absent")
    monkeypatch.setattr(apt, "is_root", lambda: True)
    monkeypatch.setattr(apt, "which", lambda _: str(fake))
    with pytest.raises(ServiceError, match=r"it ended, saying 'no cgroups here'.*dockerd\.log"):
        Engine(read({"ISSUESUM_STATE": str(tmp_path / "state")})).up()


def test_apt_get_updates_its_lists_once_and_then_reports_the_last_line(tmp_path, monkeypatch):
    fake = tmp_path / "apt-get"
    fake.write_text('#!/bin/sh\necho "$@" >>calls\necho "E: no such package"\nexit 100\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(apt, "is_root", lambda: True)
    log = tmp_path / "apt.log"
    with pytest.raises(ServiceError, match=r"apt-get install .*'E: no such package'.*apt\.log"):
        apt.install(["nothing"], log)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [" update" in call for call in calls] == [False, True, False]


def test_copy_of_cpython_takes_only_its_own(tmp_path):
    prefix, target = tmp_path / "usr", tmp_path / "local"
    library = prefix / "lib" / base_image.PYTHON
    for name in ("os.py", "test/x.py", "site-packages/x.py", "__pycache__/x.pyc", "config-3/l.a"):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).touch()
    for name in (f"bin/{base_image.PYTHON}", "bin/vim", f"include/{base_image.PYTHON}/Python.h"):
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).touch()
    (prefix / "lib" / "libpython3.12.so.1.0").touch()
    base_image.copy_python(prefix, target)
    found = {str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir()}
    assert found == {
        f"bin/{base_image.PYTHON}",
        "bin/python",
        "bin/python3",
        f"include/{base_image.PYTHON}/Python.h",
        f"lib/{base_image.PYTHON}/os.py",
        "lib/libpython3.12.so.1.0",
    }


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a function that says what a machine has, and a list of what gets installed."""
    installed = []

    def install(packages, log):
        installed.extend(packages)
        assert log.parent.is_dir()
        monkeypatch.setattr(apt, "which", lambda program: f"/usr/bin/{program}")

    def machine(*, has, may_install):
        monkeypatch.setattr(apt, "which", lambda _: "/opt/chromium" if has else None)
        monkeypatch.setattr(apt, "may_install", lambda: may_install)
        monkeypatch.setattr(apt, "install", install)
        return installed, lambda: apt.install_browser(read({"ISSUESUM_STATE": str(tmp_path)}))

    return machine


def test_one_that_is_there_is_left_alone(machine):
    installed, install = machine(has=True, may_install=True)
    assert str(install()).split(maxsplit=2) == ["browser", "/opt/chromium", "already there"]
    assert installed == []


def test_it_is_announced_and_installed(machine, capsys):
    installed, install = machine(has=False, may_install=True)
    report = install()
    assert capsys.readouterr().out.startswith("browser: installing chromium (log: ")
    assert (report.address, report.state, installed) == (
        "/usr/bin/chromium",
        "installed",
        ["chromium"],
    )


def test_a_user_who_may_not_install_gets_advice(machine):
    installed, install = machine(has=False, may_install=False)
    with pytest.raises(ServiceError, match=r"must be on PATH .* Try: install it, or run this as"):
        install()
    assert installed == []
