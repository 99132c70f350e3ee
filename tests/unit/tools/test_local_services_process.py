from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from local_services.common import ServiceError, read_json, write_json
from local_services.process import Daemon, start_mark

SLEEP = ["sleep", "60"]


@pytest.fixture
def daemon(tmp_path):
    daemon = Daemon("sleeper", tmp_path)
    yield daemon
    daemon.stop(grace=5)


def wait_for(daemon, text):
    deadline = time.monotonic() + 20
    while text not in daemon.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_start_mark_distinguishes_processes():
    with subprocess.Popen(SLEEP) as other:
        assert start_mark(os.getpid()) == start_mark(os.getpid())
        time.sleep(0.05)  # the kernel counts in hundredths of a second
        assert start_mark(other.pid) != start_mark(os.getpid())
        other.kill()
    assert start_mark(other.pid) is None


def test_daemon_has_its_own_session_and_a_private_log(daemon):
    daemon.start(["sh", "-c", "echo ready; exec sleep 60"], os.environ)
    pid = daemon.pid()
    assert os.getsid(pid) == pid
    assert daemon.log.stat().st_mode & 0o777 == 0o600
    wait_for(daemon, "ready")
    assert daemon.stop(grace=5)
    assert daemon.pid() is None
    assert not daemon.stop(grace=5)


def test_stop_kills_what_does_not_listen(daemon):
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    ready = "print('ready', flush=True); time.sleep(60)"
    daemon.start([sys.executable, "-c", stubborn + ready], os.environ)
    wait_for(daemon, "ready")
    assert daemon.stop(grace=0.2)
    assert daemon.pid() is None


def test_reused_pid_is_never_touched(daemon):
    daemon.start(SLEEP, os.environ)
    pid = daemon.pid()
    record = read_json(daemon.pid_file)
    write_json(daemon.pid_file, record | {"mark": "another boot:1"})
    assert not daemon.stop(grace=5)
    os.kill(pid, signal.SIGKILL)


def test_process_of_another_user_is_named(daemon, monkeypatch):
    daemon.start(SLEEP, os.environ)

    def refuse(_pid, _signal):
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        with pytest.raises(ServiceError, match=r"sleeper .* must belong to this user"):
            daemon.stop(grace=1)


def test_broken_pid_file_is_named(daemon):
    daemon.pid_file.write_text("{")
    with pytest.raises(ServiceError, match=r"sleeper\.pid must hold JSON.*Try: remove it"):
        daemon.pid()
    daemon.pid_file.unlink()
