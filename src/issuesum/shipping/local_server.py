"""The exported image, or its bundle where no engine answers, as a server on this machine."""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import docker
import psutil
from docker.errors import APIError, NotFound

from issuesum.errors import EngineError
from issuesum.files import replacing_directory
from issuesum.lineage.receipt import Receipt
from issuesum.shipping.image.container import run, with_last_words
from issuesum.shipping.image.engine import fetch, reason_of
from issuesum.shipping.image.process import answer_on, launch

_NAME = "issuesum-serve-{}"
_PROGRAM = "seldon-core-microservice"
_PROCESSES = Path(".issuesum/serve")
_GRACE = 10  # seconds that a process has to end
# Of the Dockerfile's, those that change answers or how fast they come.
_VARIABLES = {
    "GUNICORN_THREADS": "4",
    "ISSUESUM_THREADS": "2",
    "ORT_DISABLE_TELEMETRY": "1",
    "INCLUDE_METRICS_IN_CLIENT_RESPONSE": "false",
}


def start(client: docker.DockerClient, receipt: Receipt, *, port: int, timeout: float) -> str:
    """Run the image on a loopback port, and return its first answer, JSON.

    It replaces an earlier server of ours on that port. EngineError: the image cannot be had, the
    port is taken, or no answer comes in `timeout` seconds.
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
    with with_last_words(lambda: container.logs(tail=200)):
        return answer_on(port, timeout)


def stop(client: docker.DockerClient, *, port: int) -> bool:
    """Remove our container on this port; return whether there was one."""
    try:
        client.containers.get(_NAME.format(port)).remove(force=True)
    except NotFound:
        return False
    return True


def start_process(bundle: Path, provenance: bytes, *, port: int, timeout: float) -> str:
    """Run the bundle by this environment's seldon-core, as `start` runs the image.

    The process has a copy of the bundle, which DVC may replace, with the provenance that the image
    would have. seldon-core listens on all interfaces. EngineError: the port is taken, or the server
    does not answer.
    """
    stop_process(port)
    folder, program = _PROCESSES / str(port), Path(sys.executable).with_name(_PROGRAM)
    with replacing_directory(folder) as target:
        shutil.copytree(bundle, target, dirs_exist_ok=True)
        (target / "provenance.json").write_bytes(provenance)
        (target / "tensorflow.py").write_text("raise ImportError\n")  # nor does the image load it
    try:
        with (log := folder / "log").open("wb") as output:
            process, _ = launch(
                [program, "IssueSummarization", "--service-type", "MODEL"], folder,
                {**os.environ, **_VARIABLES, "PYTHONPATH": str(folder.resolve())}, output, port,
            )  # fmt: skip
        with with_last_words(log.read_bytes):
            answer = answer_on(port, timeout, process.poll)
    except EngineError:
        stop_process(port)
        raise
    process.returncode = 0  # it outlives us; without this Popen would warn
    return answer


def stop_process(port: int) -> bool:
    """End our process on this port, with its workers; return whether there was one."""
    folder = (_PROCESSES / str(port)).resolve()
    ours = [
        each
        for each in psutil.process_iter(["cwd", "cmdline"])
        if each.info["cwd"] == str(folder) and _PROGRAM in " ".join(each.info["cmdline"] or ())
    ]
    for each in ours:
        with suppress(psutil.NoSuchProcess):
            each.terminate()
    for each in psutil.wait_procs(ours, _GRACE)[1]:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    shutil.rmtree(folder, ignore_errors=True)
    return bool(ours)
