"""How a call ends: its exit code, its one line, its colours, its streams."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from issuesum import errors
from issuesum.automation.retraining import job
from issuesum.cli.retrain import NOTHING_TO_DO
from issuesum.console import explained, say
from issuesum.errors import ArtifactError, IssuesumError
from issuesum.lineage.receipt import Receipt

COMMAND = [sys.executable, "-m", "issuesum.cli"]
KINDS = [kind for kind in IssuesumError.__subclasses__() if kind.__module__ == errors.__name__]
RED, RESET = "\x1b[31m", "\x1b[0m"


def failing_with(error: BaseException) -> Callable:
    def load(_: object = None) -> None:
        raise error

    return load


def test_the_page_lists_the_exit_codes(root: Path) -> None:
    page = (root / "docs/cli.md").read_text(encoding="utf-8")
    section = page.split("\n## Exit codes\n")[1].split("\n## ")[0]
    listed = [int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)]
    kinds = [kind.exit_code for kind in [IssuesumError, *KINDS]]
    assert NOTHING_TO_DO not in kinds
    assert listed == [0, *kinds, NOTHING_TO_DO, 130, 141]


def test_a_wrong_call_is_two_and_suggests(issuesum: Callable) -> None:
    for arguments, message in {
        ("provenence",): "No such command 'provenence'. Did you mean 'provenance'? Try: issuesum",
        ("jobs", "--josn"): "'--json'",
        ("--verbos",): "Did you mean one of: '--verbose', '--version'?",
        ("diff", "x"): "Missing argument 'REF2'. Try: issuesum diff",
        ("jobs", "-n", "x"): "Invalid value for '-n' / '--limit': 'x' is not a valid integer range",
        ("completion", "csh"): "'csh' is not one of 'bash', 'zsh', 'fish'.",
        ("jobs", "--limit"): "Option '--limit' requires an argument.",
    }.items():
        code, out, err = issuesum(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert err.startswith("error: ")
        assert message in err
        assert err.endswith(" --help.\n")


def test_nothing_to_do_has_a_code_of_its_own_and_no_line_on_stderr(
    issuesum: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "retrain", lambda *_, **__: None)
    code, _, err = issuesum("retrain")
    assert (code, err) == (NOTHING_TO_DO, "")


@pytest.mark.parametrize("place", [("-v", "summary"), ("summary", "-v"), ("summary", "--verbose")])
def test_verbose_before_or_after_the_verb_shows_the_traceback(
    place: tuple[str, ...], issuesum: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Receipt, "load", failing_with(ArtifactError("no receipt")))
    code, _, err = issuesum(*place)
    assert code == ArtifactError.exit_code
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("ArtifactError: no receipt\nerror: no receipt\n")
    monkeypatch.setenv("ISSUESUM_VERBOSE", "")
    assert issuesum("summary").err == "error: no receipt\n"


def test_ctrl_c_is_a_line(issuesum: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Receipt, "load", failing_with(KeyboardInterrupt()))
    assert issuesum("summary") == (130, "", "error: interrupted\n")


def test_ctrl_c_ends_a_process_that_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key")
    call = [*COMMAND, "verify", "--key", "key", "x"]
    # Where the tests run in the background of a shell, SIGINT is ignored, by their children too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            call, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    while process.poll() is None:
        with contextlib.suppress(OSError):  # until the other side reads
            writer = os.open(tmp_path / "key", os.O_WRONLY | os.O_NONBLOCK)
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.02)
    out, err = process.communicate(timeout=60)
    os.close(writer)
    assert (process.returncode, out, err) == (130, "", "error: interrupted\n")


NETWORK = {
    "name": socket.gaierror(-2, "Name or service not known"),
    "refused": ConnectionRefusedError(111, "Connection refused"),
    "reset": ConnectionResetError(104, "Connection reset by peer"),
    "late": TimeoutError("timed out"),
    "certificate": ssl.SSLError(1, "certificate verify failed"),
    "no-route": OSError(113, "No route to host"),
    "requests": requests.ConnectionError("HTTPConnectionPool: Max retries exceeded"),
    "urllib": urllib.error.URLError("no host given"),
}
FILES = {
    "full": OSError(28, "No space left on device"),
    "forbidden": PermissionError(13, "Permission denied", "x"),
    "folder": IsADirectoryError(21, "Is a directory", "x"),
}


@pytest.mark.parametrize("error", NETWORK.values(), ids=NETWORK)
def test_network_and_disk_errors_differ(error: OSError) -> None:
    explanation = explained(error)
    assert type(explanation) is IssuesumError
    assert str(explanation).startswith("Network error: ")
    assert "free space" not in str(explanation)


@pytest.mark.parametrize("error", FILES.values(), ids=FILES)
def test_disk_and_network_errors_differ(
    error: OSError, issuesum: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Receipt, "load", failing_with(error))
    code, _, err = issuesum("summary")
    assert (code, err.count("\n")) == (ArtifactError.exit_code, 1)
    assert re.fullmatch(
        r"error: Inputs must be .+ Received: .+ free space and permissions\.\n", err
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def said_on(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", stream)
    say("error", "it is so")
    return stream.getvalue()


@pytest.mark.parametrize(
    "variables",
    [{}, {"TERM": "xterm"}, {"NO_COLOR": ""}, {"FORCE_COLOR": "1"}],
)
def test_a_terminal_gets_colours(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said_on(Terminal(), monkeypatch, **variables) == f"{RED}error:{RESET} it is so\n"


@pytest.mark.parametrize(
    "variables",
    [{"NO_COLOR": "1"}, {"NO_COLOR": "0"}, {"TERM": "dumb"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}],
)
def test_a_terminal_gets_none_on_demand(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said_on(Terminal(), monkeypatch, **variables) == "error: it is so\n"


def test_a_pipe_gets_colours_only_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said_on(io.StringIO(), monkeypatch) == "error: it is so\n"
    coloured = said_on(io.StringIO(), monkeypatch, FORCE_COLOR="1")
    assert coloured == f"{RED}error:{RESET} it is so\n"


def test_a_failure_on_a_real_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "TERM"}}
    subprocess.run([*COMMAND, "jobs", "-n"], cwd=tmp_path, env=env, stderr=theirs, check=False)
    os.close(theirs)
    message = os.read(ours, 65536).decode()
    os.close(ours)
    assert message.startswith(f"{RED}error:{RESET} Option '-n'")


def test_a_reader_that_goes_away_is_silence(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [*COMMAND, "jobs"], cwd=tmp_path, stdout=theirs, stderr=subprocess.PIPE, check=False
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, b"")


def test_what_the_encoding_lacks_is_escaped() -> None:
    env = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    shown = subprocess.run(
        [*COMMAND, "verify", "--help"], env=env, capture_output=True, check=True
    ).stdout
    assert b"registry/name@sha256:\\u2026," in shown
    code = "from issuesum.cli.shared import print_json; print_json({'title': 'Zürich \U0001f600'})"
    printed = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, check=True
    ).stdout
    assert json.loads(printed.decode("ascii")) == {"title": "Zürich \U0001f600"}


def test_a_locale_without_an_encoding_does_no_harm() -> None:
    shown = subprocess.run(
        [*COMMAND, "verify", "--help"],
        env={"PATH": os.defpath, "LC_ALL": "C"}, capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert "registry/name@sha256:…," in shown.decode()
