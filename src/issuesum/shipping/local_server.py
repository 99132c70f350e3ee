"""The exported image, or its bundle where no engine answers, as a server on this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import psutil
import requests
from docker.errors import APIError, NotFound

from issuesum.errors import EngineError, one_line
from issuesum.files import replacing_directory, write_json
from issuesum.lineage.receipt import Receipt
from issuesum.shipping.image.container import REQUEST, last_words, run
from issuesum.shipping.image.engine import fetch, reason_of

_NAME = "issuesum-serve-{}"
_PROCESSES = Path(".issuesum/serve")
_PORTS = tuple(f"PREDICTIVE_UNIT_{name}_SERVICE_PORT" for name in ("HTTP", "GRPC", "METRICS"))
"""Variables that seldon-core reads."""
_GRACE = 10  # seconds that a process has to end
# Of the Dockerfile's, those that change answers or how fast they come.
_VARIABLES = {
    "GUNICORN_THREADS": "4",
    "ISSUESUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "INCLUDE_METRICS_IN_CLIENT_RESPONSE": "false",
}


@dataclass(frozen=True)
class Server:
    """A running server."""

    page: str  # for a browser
    url: str  # for requests
    answer: str  # to a first request


def start(client: docker.DockerClient, receipt: Receipt, *, port: int, timeout: float) -> Server:
    """Run the image on a loopback port and wait `timeout` seconds at most for a first title.

    It replaces an earlier server of ours on that port.

    Raises:
        EngineError: the image cannot be had, the port is taken or no answer comes.
    """
    stop_process(port)
    stop(client, port=port)
    try:
        fetch(client, receipt.pinned)
        published = {"9000/tcp": ("127.0.0.1", port)}
        container = run(client, receipt.pinned, name=_NAME.format(port), ports=published)
    except APIError as error:
        stop(client, port=port)
        raise EngineError(
            f"{receipt.image} must run on port {port}. Received: {reason_of(error)}. "
            "Try: another --port, tools/services up, or dvc repro -f -s export."
        ) from error
    if server := _first_answer(port, timeout, lambda: True):
        return server
    raise EngineError(
        f"The container must answer on port {port} within {timeout:g} s. Received: no answer. "
        f"{last_words(container.logs(tail=200))}"
    )


def stop(client: docker.DockerClient, *, port: int) -> bool:
    """Remove our container on this port; return whether there was one."""
    try:
        client.containers.get(_NAME.format(port)).remove(force=True)
    except NotFound:
        return False
    return True


def start_process(bundle: Path, provenance: bytes, *, port: int, timeout: float) -> Server:
    """Run the bundle by this environment's seldon-core, as `start` runs the image.

    The process has a copy of the bundle, which DVC may replace, with the provenance that the image
    would have. seldon-core listens on all interfaces.

    Raises:
        EngineError: the port is taken, or the server does not answer.
    """
    stop_process(port)
    folder = _PROCESSES / str(port)
    with ExitStack() as taken:
        try:
            sockets = [taken.enter_context(socket.create_server(("", n))) for n in (port, 0, 0)]
        except OSError as error:
            raise EngineError(
                f"{bundle} must run on port {port}. Received: {one_line(error)}. "
                "Try: another --port."
            ) from error
        ports = [str(of.getsockname()[1]) for of in sockets]
    with replacing_directory(folder) as target:
        shutil.copytree(bundle, target, dirs_exist_ok=True)
        (target / "provenance.json").write_bytes(provenance)
    env = {**os.environ, **_VARIABLES, **dict(zip(_PORTS, ports, strict=True))}
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("seldon-core-microservice"), "IssueSummarization",
             "--service-type", "MODEL"],
            cwd=folder, env={**env, "PYTHONPATH": str(folder.resolve())},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    started = psutil.Process(process.pid).create_time()
    write_json(folder / "process.json", {"pid": process.pid, "started": started})
    if server := _first_answer(port, timeout, lambda: process.poll() is None):
        process.returncode = 0  # it outlives us; without this Popen would warn
        return server
    end = last_words(log.read_bytes())
    stop_process(port)
    raise EngineError(
        f"{bundle} must answer on port {port} within {timeout:g} s. Received: no answer. {end} "
        "Try: dvc repro build."
    )


def stop_process(port: int) -> bool:
    """End our process on this port; return whether there was one."""
    record = _PROCESSES / str(port) / "process.json"
    try:
        known = json.loads(record.read_bytes())
        process = psutil.Process(known["pid"])
        ours = bool(process.create_time() == known["started"])  # or the id is another's by now
    except (OSError, ValueError, psutil.NoSuchProcess):
        ours = False
    if ours:
        with suppress(ProcessLookupError, psutil.TimeoutExpired):
            process.terminate()  # gunicorn ends its workers
            process.wait(_GRACE)
        with suppress(ProcessLookupError):
            os.killpg(known["pid"], signal.SIGKILL)
    shutil.rmtree(record.parent, ignore_errors=True)
    return ours


def _first_answer(port: int, timeout: float, runs: Callable[[], bool]) -> Server | None:
    page = f"http://127.0.0.1:{port}/"
    url = f"{page}api/v1.0/predictions"
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and runs():
        with suppress(requests.RequestException):
            answer = requests.post(url, json=json.loads(REQUEST), timeout=10)
            if answer.ok:
                return Server(page, url, answer.content.decode())
        time.sleep(0.2)
    return None
