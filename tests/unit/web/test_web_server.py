"""The command as a process and the server's address."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from issuesum.errors import ParamsError
from issuesum.web.app import create_app
from issuesum.web.client import Endpoint
from issuesum.web.server import make_page_server, names_of
from seldon_stub import SeldonStub, served

COMMAND = [sys.executable, "-m", "issuesum", "web", "--port"]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_url_answers_and_ends_when_told(
    stop: signal.Signals, stub: SeldonStub, tmp_path: Path
) -> None:
    command = [*COMMAND, "0", "--endpoint", stub.url]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline()
            url = line.split()[0]
            assert line == f"{url} asks {stub.url}; stop with Ctrl+C\n"
            with urllib.request.urlopen(f"{url}healthz", timeout=10) as answer:  # noqa: S310 -- ours
                assert answer.status == 200
            process.send_signal(stop)
            assert process.communicate(timeout=10) == ("", "")
            assert process.returncode == 0
        finally:
            process.kill()


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*COMMAND, port, "--endpoint", "http://127.0.0.1:9000"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"error: 127.0.0.1:{port} must be a free port of this machine.")


@pytest.mark.parametrize("host", ["192.0.2.1", "no such name", "2001:db8::1"])
def test_an_address_that_is_not_ours_is_refused(host: str, stub: SeldonStub) -> None:
    app = create_app(Endpoint(stub.url, timeout=20), [])
    with pytest.raises(ParamsError, match=r"must be a free port of this machine\. Received"):
        make_page_server(app, host, 0)


def test_only_an_address_of_this_machine_alone_knows_its_names() -> None:
    assert "[::1]" in names_of("127.0.0.1")
    assert "127.0.0.2" in names_of("127.0.0.2")
    assert "localhost" in names_of("localhost")
    assert names_of("0.0.0.0") is names_of("::") is names_of("page.example") is None  # noqa: S104


def test_a_request_that_is_too_large_is_answered_all_the_same(stub: SeldonStub) -> None:
    app = create_app(Endpoint(stub.url, timeout=20), [], hosts=names_of("127.0.0.1"))
    server = make_page_server(app, "127.0.0.1", 0)
    with served(server):
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        client.request(
            "POST", "/api/titles", b"a" * 3_000_000, {"Content-Type": "application/json"}
        )
        assert client.getresponse().status == 413
        client.close()
