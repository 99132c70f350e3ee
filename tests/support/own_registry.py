"""Real registries of a test's own, and the ways in which a network fails them."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from images import free_port
from local_services import registry

# bcrypt of "right", the only form of password that the registry reads (htpasswd -nbB tester right).
HTPASSWD = "tester:$2b$05$Fh01KDYoXvOwl8HKKAhn7.0fKYywHf9juKlGeydjNW/kSG0AIH.a6\n"


@contextlib.contextmanager
def own_registry(folder: Path, *, password: bool) -> Iterator[str]:
    """Run another real registry, empty, with or without a password."""
    program = registry.binary(folder)
    if program is None:
        pytest.skip("no docker-registry program on this machine")
    port = free_port()
    settings: dict = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if password:
        (folder / "htpasswd").write_text(HTPASSWD)
        settings["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", folder / "config.yml"], stderr=log)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait()


class Line:
    """A TCP line to a registry that can be cut.

    Attributes:
        address: localhost:port, where it begins.
        left: bytes that go through to the registry before it is cut, None for any number.
    """

    def __init__(self, target: str) -> None:
        host, port = target.split(":")
        self._target = (host, int(port))
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.address = f"localhost:{self._server.getsockname()[1]}"
        self.left: int | None = None
        self.was_cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._cut()

    def repair(self) -> None:
        self.left = None
        self.was_cut.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._server.accept()
                if self.was_cut.is_set():
                    here.close()
                    continue
                there = socket.create_connection(self._target)
                self._open |= {here, there}
                for source, sink, counts in ((here, there, True), (there, here, False)):
                    threading.Thread(
                        target=self._carry, args=(source, sink, counts), daemon=True
                    ).start()

    def _carry(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if counts and self.left is not None:
                    self.left -= len(data)
                    if self.left < 0:
                        self.was_cut.set()
                        self._cut()
                        return
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _cut(self) -> None:
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
            self._open.discard(end)
