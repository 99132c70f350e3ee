"""The exported image as a server on this machine: `issuesum serve`."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass

import docker
import requests
from docker.errors import APIError, NotFound

from issuesum.errors import EngineError
from issuesum.lineage.receipt import Receipt
from issuesum.shipping.image.container import REQUEST, last_words, run
from issuesum.shipping.image.engine import fetch, reason_of

_NAME = "issuesum-serve-{}"


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
    page = f"http://127.0.0.1:{port}/"
    url = f"{page}api/v1.0/predictions"
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with suppress(requests.RequestException):
            answer = requests.post(url, json=json.loads(REQUEST), timeout=10)
            if answer.ok:
                return Server(page, url, answer.content.decode())
        time.sleep(0.2)
    raise EngineError(
        f"{url} must answer within {timeout:g} s. Received: no answer. "
        f"{last_words(container.logs(tail=200))}"
    )


def stop(client: docker.DockerClient, *, port: int) -> bool:
    """Remove our server on this port; return whether there was one."""
    try:
        client.containers.get(_NAME.format(port)).remove(force=True)
    except NotFound:
        return False
    return True
