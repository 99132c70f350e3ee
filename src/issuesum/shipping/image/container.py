"""The exported image as a running server on this machine."""

from __future__ import annotations

import time
import urllib.request
from dataclasses import dataclass

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from issuesum.errors import EngineError
from issuesum.lineage.receipt import Receipt
from issuesum.shipping.image.engine import one_line
from issuesum.shipping.image.smoke import HARDENED, REQUEST, environment, last_words
from issuesum.shipping.image.transfer import fetch

_PORT_OF_REST = "9000/tcp"


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        page: for a browser.
        url: where it takes requests.
        answer: what it said to a first request.
    """

    page: str
    url: str
    answer: str


def start(client: docker.DockerClient, receipt: Receipt, *, port: int, timeout: float) -> Server:
    """Run the image, in place of an earlier server of ours on that port, and ask it for a title.

    Args:
        client: of Docker Engine.
        receipt: names the image by digest.
        port: on the loopback address.
        timeout: seconds until the first answer.

    Raises:
        EngineError: the image cannot be had, the port is taken or no answer comes.
    """
    stop(client, port=port)
    try:
        fetch(client, receipt.pinned)
        container = client.containers.run(
            receipt.pinned,
            name=_name(port),
            detach=True,
            environment=environment(client, receipt.pinned),
            ports={_PORT_OF_REST: ("127.0.0.1", port)},
            **HARDENED,
        )
    except APIError as error:
        stop(client, port=port)
        raise EngineError(
            f"{receipt.image} must run on port {port}. Received: {one_line(error)}. "
            "Try: another --port, tools/services up, or dvc repro -f -s export."
        ) from error
    page = f"http://127.0.0.1:{port}/"
    url = f"{page}api/v1.0/predictions"
    return Server(page, url, answer=_first_answer(container, url, timeout))


def stop(client: docker.DockerClient, *, port: int) -> bool:
    """Remove our server on this port; return whether there was one."""
    try:
        client.containers.get(_name(port)).remove(force=True)
    except NotFound:
        return False
    return True


def _name(port: int) -> str:
    return f"issuesum-serve-{port}"


def _first_answer(container: Container, url: str, timeout: float) -> str:
    request = urllib.request.Request(  # noqa: S310 -- loopback http, built above
        url, REQUEST.encode(), {"Content-Type": "application/json"}
    )
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
                return str(response.read().decode())
        except OSError:
            time.sleep(0.2)
    log = last_words(container)
    raise EngineError(f"{url} must answer within {timeout:g} s. Received: no answer. {log}")
