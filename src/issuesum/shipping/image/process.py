"""A server as a process of this machine, without an engine: of an image's files, or of a bundle.

Of an image it is its own Python that runs, with its C library and its libraries: its dynamic linker
starts it. This needs no rights, no namespaces and no writable place but the folder. Not as in a
container: the process has the user, the network and the system's files of this machine.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import requests

from issuesum.errors import ArtifactError, EngineError, one_line
from issuesum.registry.canonical import read_canonical
from issuesum.registry.client import LARGEST, Registry, too_large
from issuesum.registry.labels import VARIABLE
from issuesum.registry.reference import Reference
from issuesum.shipping.image.container import REQUEST, first_answer, title_of, with_last_words
from issuesum.shipping.image.dockerfile import ALL_HIDDEN, HIDDEN

URL = "http://127.0.0.1:{}/api/v1.0/predictions"
"""Of a server on a port."""
_PORTS = tuple(f"PREDICTIVE_UNIT_{name}_SERVICE_PORT" for name in ("HTTP", "GRPC", "METRICS"))
"""Variables that seldon-core reads."""
_TEMPORARY = "tmp"
_LIBRARIES = ("usr/local/lib", "lib/*-linux-gnu", "usr/lib/*-linux-gnu", "lib64", "lib", "usr/lib")


def launch(
    command: Sequence[str | Path],
    folder: Path,
    variables: Mapping[str, str],
    log: IO[bytes],
    port: int = 0,
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a server in `folder`, in a session of its own; return it and its port for requests.

    It has `variables` and no others. On all interfaces it listens on `port`, or else a free one,
    and on two free ones for gRPC and metrics (EngineError: `port` is taken, or it cannot start).
    """
    try:
        with ExitStack() as taken:  # all at once, or one could be given twice
            sockets = [taken.enter_context(socket.create_server(("", n))) for n in (port, 0, 0)]
            ports = [each.getsockname()[1] for each in sockets]
    except OSError as error:
        raise EngineError(
            f"The server must run on port {port}. Received: {one_line(error)}. Try: another --port."
        ) from error
    known = dict(zip(_PORTS, map(str, ports), strict=True))
    try:
        process = subprocess.Popen(
            command, cwd=folder, env={**variables, **known}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise EngineError(
            f"{command[0]} must run on this machine. Received: {one_line(error)}. "
            "Try: Linux, and a TMPDIR from which programs may be run."
        ) from error
    return process, ports[0]


def answer_on(port: int, timeout: float, ended: Callable[[], int | None] = lambda: None) -> str:
    """Return the JSON that a server on a port answers to REQUEST, as `first_answer` does."""
    with requests.Session() as session:
        session.trust_env = False  # no proxy
        session.headers["Content-Type"] = "application/json"

        def ask() -> str:
            answer = session.post(URL.format(port), REQUEST, timeout=10)
            answer.raise_for_status()
            answer.json()  # or it is no answer yet
            return answer.text

        return first_answer(ask, timeout, ended)


def tried(
    command: Sequence[str | Path], folder: Path, variables: Mapping[str, str], timeout: float
) -> Any:  # noqa: ANN401 -- JSON
    """Run a server, and return the JSON of its first answer (EngineError: it has none)."""
    with tempfile.NamedTemporaryFile() as log:
        process, port = launch(command, folder, variables, log)
        try:
            with with_last_words(Path(log.name).read_bytes):
                return json.loads(answer_on(port, timeout, process.poll))
        finally:
            with suppress(ProcessLookupError):  # its workers too
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass(frozen=True)
class Unpacked:
    """The files of an image."""

    root: Path  # what a container has as /
    settings: Mapping[str, Any]  # of its config

    @classmethod
    def of(cls, registry: Registry, image: Reference, folder: Path) -> Unpacked:
        """Unpack an image of ours into an empty folder (ArtifactError: it cannot run there)."""
        found = read_canonical(registry, image)
        made = cls(folder.resolve(), found.settings)
        for layer in found.layers:
            with tempfile.TemporaryFile(dir=made.root) as packed:
                registry.download(image, layer.digest, packed, most=LARGEST)
                packed.seek(0)
                try:
                    _unpack(packed, made.root)
                except (tarfile.TarError, EOFError, OSError) as error:
                    raise ArtifactError(
                        f"Layer {layer.digest} of {image} must be a tar that can be unpacked. "
                        f"Received: {one_line(error)}. Try: free space, or set TMPDIR."
                    ) from error
        (made.root / _TEMPORARY).mkdir(exist_ok=True)
        made._replace_python(image)
        return made

    def first_title(self, *, called: str, timeout: float) -> str:
        """Return the first title of the image's server, whose answers must name it `called`.

        EngineError: it gives none, or one that is not a title or names another image; or in a
        container it would run as root.
        """
        user = str(self.settings.get("User", ""))
        if user.partition(":")[0] in ("", "0", "root"):
            raise EngineError(f"The server must not run as root. Received: USER {user or 'root'}.")
        words = [*self.settings.get("Entrypoint", ()), *self.settings.get("Cmd", ())]
        python, program = self._program("python3"), self._program(words[0])
        command = [python, *([] if program == python else [program]), *words[1:]]
        folder = self._inside(self.settings.get("WorkingDir", ""))
        variables = {**self._variables, VARIABLE: json.dumps(self.settings.get("Labels", {}))}
        return title_of(tried(command, folder, variables, timeout), called)

    def python_output(self, script: str) -> bytes:
        """Return what the image's Python prints (EngineError: it fails)."""
        done = subprocess.run([self._program("python3"), "-I", "-c", script], env=self._variables,
                              capture_output=True, check=False)  # fmt: skip
        if done.returncode:
            raise EngineError(
                f"The image's Python must run on this machine. Received: {done.returncode}, "
                f"{done.stderr.decode(errors='replace').strip().rpartition(chr(10))[2][-300:]}. "
                "Try: export.builder: engine in params.yaml."
            )
        return done.stdout

    @property
    def _variables(self) -> dict[str, str]:
        known = dict(item.split("=", 1) for item in self.settings.get("Env", ()))
        folders = filter(None, known.get("PATH", "").split(":"))
        path = ":".join(str(self._inside(each)) for each in folders)
        temporary = str(self._inside(_TEMPORARY))
        return known | {"PATH": path, "HOME": temporary, "TMPDIR": temporary}

    def _inside(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _program(self, name: str) -> Path:
        found = shutil.which(name, path=self._variables["PATH"])
        if found is None:
            raise ArtifactError(
                f"The image must have {name} on its PATH. Received: none. "
                "Try: the Dockerfile, or export.builder: engine in params.yaml."
            )
        return Path(found)

    def _replace_python(self, image: Reference) -> None:
        """Put a script in the place of the image's Python, which starts that.

        Its path is the one that Python takes for its own, so what the server starts by
        `sys.executable` runs in the same way, and a virtual environment is found.
        """
        python = self._program("python3")
        real = python.resolve()
        if real == python:
            real = python.rename(python.with_name("python3.image"))
        else:
            python.unlink()
        linker = next(self.root.glob("lib*/ld-linux-*.so.*"), None)
        if linker is None:
            raise ArtifactError(
                f"{image} must have the GNU C library to run without an engine. Received: none. "
                "Try: export.base_image of Debian, or export.builder: engine in params.yaml."
            )
        libraries = ":".join(str(path) for each in _LIBRARIES for path in self.root.glob(each))
        words = (linker, "--inhibit-cache", "--library-path", libraries, "--argv0", python, real)
        python.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
        python.chmod(0o755)
        settings = python.parents[1] / "pyvenv.cfg"
        if settings.is_file():
            text = settings.read_text(encoding="utf-8")
            text = re.sub("(?m)^home = ", f"home = {self.root}", text)
            settings.write_text(text, encoding="utf-8")


def _unpack(packed: IO[bytes], root: Path) -> None:
    """Put a layer onto those below. Source: OCI image specification, "Applying Changesets"."""
    ours: set[Path] = set()
    with tarfile.open(fileobj=packed) as tar:
        for entry in tar:
            if entry.offset_data + entry.size > LARGEST:
                raise too_large(LARGEST, "A layer, unpacked,")
            folder, name = posixpath.split(posixpath.normpath(entry.name).lstrip("/"))
            parent = (root / folder).resolve()
            if not parent.is_relative_to(root):
                raise tarfile.OutsideDestinationError(entry, str(parent))
            path = parent / name
            if name == ALL_HIDDEN:
                for each in set(parent.iterdir()) - ours if parent.is_dir() else ():
                    _remove(each)
            elif name.startswith(HIDDEN):
                _remove(parent / name.removeprefix(HIDDEN))
            elif entry.isreg() or entry.isdir() or entry.issym() or entry.islnk():
                if path.is_symlink() or not (entry.isdir() and path.is_dir()):
                    _remove(path)
                if entry.issym() and entry.linkname.startswith("/"):
                    target = os.path.relpath(root / entry.linkname.lstrip("/"), parent)
                    entry = entry.replace(linkname=target)  # noqa: PLW2901
                tar.extract(entry, root, filter="data")
                ours.add(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
