"""The browser is installed only where it may be, and only if there is none."""

from __future__ import annotations

import pytest

from local_services import apt, browser
from local_services.errors import ServiceError
from local_services.settings import read


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
        return installed, lambda: browser.install(read({"ISSUESUM_STATE": str(tmp_path)}))

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


def test_who_may_not_install_is_told_what_to_do(machine):
    installed, install = machine(has=False, may_install=False)
    with pytest.raises(ServiceError, match=r"must be on PATH .* Try: install it, or run this as"):
        install()
    assert installed == []
