"""A component's server as a process of this machine, without an engine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import requests

from issuesum.errors import EngineError, one_line
from issuesum.shipping.image.container import REQUEST, last_words

_PORTS = ("HTTP", "GRPC", "METRICS")
"""PREDICTIVE_UNIT_…_SERVICE_PORT, which seldon-core reads."""


@contextmanager
def serving(
    command: Sequence[str | Path],
    folder: Path,
    *,
    variables: Mapping[str, str],
    timeout: float,
) -> Iterator[dict[str, Any]]:
    """Run a server in `folder` for the block, once it has answered a first request.

    It has `variables` and no others, and listens on three free ports.

    Yields:
        The JSON of the answer.

    Raises:
        EngineError: it cannot be started, has ended, or does not answer within `timeout` seconds.
    """
    ports = _free_ports()
    known = {
        f"PREDICTIVE_UNIT_{name}_SERVICE_PORT": str(number)
        for name, number in zip(_PORTS, ports, strict=True)
    }
    with tempfile.TemporaryFile() as log:
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
        url = f"http://127.0.0.1:{ports[0]}/api/v1.0/predictions"
        try:
            yield _first_answer(process, url, timeout)
        except EngineError as error:
            log.seek(0)
            raise EngineError(f"{error} {last_words(log.read())}") from error
        finally:
            with suppress(ProcessLookupError):  # its workers too
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _first_answer(process: subprocess.Popen[bytes], url: str, timeout: float) -> dict[str, Any]:
    deadline, reason = time.monotonic() + timeout, "no answer"
    with requests.Session() as session:
        session.trust_env = False  # no proxy
        while time.monotonic() < deadline:
            if (ended := process.poll()) is not None:
                raise EngineError(
                    f"The server must keep running. Received: it ended with exit code {ended}."
                )
            try:
                answer = session.post(url, REQUEST, timeout=10,
                                      headers={"Content-Type": "application/json"})  # fmt: skip
                answer.raise_for_status()
                found: dict[str, Any] = answer.json()
            except (requests.RequestException, ValueError) as error:
                reason = one_line(error)
                time.sleep(0.1)
            else:
                return found
    raise EngineError(
        f"The server must answer within {timeout:g} s (export.smoke_timeout). Received: {reason}."
    )


def _free_ports() -> list[int]:
    with ExitStack() as stack:  # all at once, or one could be given twice
        taken = [stack.enter_context(socket.create_server(("", 0))) for _ in _PORTS]
        return [int(each.getsockname()[1]) for each in taken]
