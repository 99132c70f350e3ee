"""Which engine is asked: the one that Docker's own programs would use."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from issuesum.errors import EngineError
from issuesum.shipping.image import engine as module
from issuesum.shipping.image.engine import engine, environment
from registry_stub import Answer, Asked, serve

# As `ssh` does, but for the way: it connects to the engine's port, or fails.
SSH = """#!{python}
import os, socket, sys, threading
open({log!r}, "w").write("\\n".join(sys.argv[1:]))
if "closed.example.com" in sys.argv:
    sys.exit("Permission denied (publickey).")
there = socket.create_connection(("127.0.0.1", {port}))
def back():
    while data := there.recv(65536):
        os.write(1, data)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 65536):
    there.sendall(data)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder of Docker's settings, with nothing of the environment in force."""
    for name in ("HOST", "CONTEXT", "TLS_VERIFY", "CERT_PATH"):
        monkeypatch.delenv(f"DOCKER_{name}", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


@pytest.fixture
def port(folder: Path) -> Iterator[str]:  # noqa: ARG001 -- first
    """Return the port of an engine."""

    def script(asked: Asked) -> Answer:
        kind = {"Content-Type": "application/json"}
        return Answer(200, b'{"ApiVersion": "1.41"}' if "version" in asked.path else b"OK", kind)

    with serve(script) as (host, _):
        yield host.partition(":")[2]


def add_context(folder: Path, name: str, host: str) -> None:
    place = folder / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest()
    place.mkdir(parents=True)
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    content = {"Name": name, "Metadata": {}, "Endpoints": endpoints}
    (place / "meta.json").write_text(json.dumps(content))


@pytest.mark.parametrize("by", ["currentContext", "DOCKER_CONTEXT", "DOCKER_HOST"])
def test_the_engine_of_the_context_or_the_variable_answers(
    by: str, port: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"currentContext": "away"}
    add_context(folder, "away", "unix:///nowhere")
    add_context(folder, "here", f"tcp://127.0.0.1:{port}")
    if by == "currentContext":
        config = {by: "here"}
    else:
        monkeypatch.setenv(by, f"tcp://127.0.0.1:{port}" if by == "DOCKER_HOST" else "here")
    (folder / "config.json").write_text(json.dumps(config))
    with engine() as client:
        assert client.ping()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DOCKER_CONTEXT": "gone"}, r"by the context gone \(docker context ls\): none with"),
        ({"DOCKER_CONTEXT": "broken"}, "no engine by the context broken"),
        ({"DOCKER_HOST": "ssh://me@example.com:port"}, "no engine by DOCKER_HOST: .*Port"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:1"}, "refused"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_TLS_VERIFY": "1"}, "TLS"),
        ({"DOCKER_HOST": "ssh://me@closed.example.com"}, r"Permission denied \(publickey\)"),
    ],
)
def test_what_leads_to_none_is_one_line(
    variables: dict[str, str], message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.json").write_text("{}")
    add_context(folder, "broken", "")
    next(folder.rglob("meta.json")).write_text("{")
    install_ssh(folder, "1", monkeypatch)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EngineError, match=message) as failed, engine():
        pass
    assert "\n" not in str(failed.value)


def install_ssh(folder: Path, port: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the program before any other, and return the file of its arguments."""
    log = folder / "arguments"
    program = folder / "bin/ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(python=sys.executable, port=port, log=str(log)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return log


def test_ssh_is_that_of_the_user(port: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = install_ssh(folder, port, monkeypatch)
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@host.example.com:2222")
    with engine() as client:
        assert client.ping()
    arguments = log.read_text().splitlines()
    assert arguments[-5:] == ["--", "host.example.com", "docker", "system", "dial-stdio"]
    assert "-l\nme\n-p\n2222" in log.read_text()


@pytest.mark.parametrize("names", [["docker.sock", "podman/podman.sock"], ["podman/podman.sock"]])
def test_an_engine_without_root_is_found_where_the_default_one_is_not(
    names: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(tempfile.mkdtemp())  # a socket's path must be short
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(own))
    absent = f"unix://{folder}/absent.sock"
    monkeypatch.setattr(module, "_DEFAULT", absent)
    monkeypatch.setattr(module.ContextAPI, "kwargs_from_context", lambda: {"base_url": absent})
    sockets = []
    try:
        for name in names:
            (own / name).parent.mkdir(exist_ok=True)
            sockets.append(socket.socket(socket.AF_UNIX))
            sockets[-1].bind(str(own / name))
        with environment() as variables:
            assert variables["DOCKER_HOST"] == f"unix://{own / names[0]}"
        monkeypatch.setenv("DOCKER_HOST", absent)
        with environment() as variables:
            assert variables["DOCKER_HOST"] == absent
    finally:
        for each in sockets:
            each.close()
        shutil.rmtree(own)
