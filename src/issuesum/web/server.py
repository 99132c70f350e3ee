"""The page as a running server."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from ipaddress import ip_address

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from issuesum.errors import ParamsError

_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


class _Handler(WSGIRequestHandler):
    """Gives up on clients that send nothing, and writes no line for a request.

    Failures of the endpoint are logged by the app.
    """

    timeout = 30

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


def names_of(host: str) -> list[str] | None:
    """Return the names under which a server on this address is asked for; None if not known."""
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return [*_LOOPBACK, host] if loopback else None


def make_page_server(app: Flask, host: str, port: int) -> BaseWSGIServer:
    """Return a server that listens, and answers once its `serve_forever` is called.

    Args:
        app: what it serves, each request in a thread.
        host: address or name of this machine.
        port: 0 takes a free one.

    Raises:
        ParamsError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Bound here, because werkzeug would end the process with several lines of its own.
        with socket.create_server((host, port), family=family) as listening:
            return make_server(
                host,
                port,
                app,
                threaded=True,
                request_handler=_Handler,
                fd=listening.fileno(),
            )
    except OSError as error:
        raise ParamsError(
            f"{host}:{port} must be a free port of this machine. "
            f"Received: {error.strerror or error}. Try: another --port or --host."
        ) from error


def run(app: Flask, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl+C or SIGTERM.

    A first process of a container would else ignore SIGTERM, and one that a script started in the
    background SIGINT.

    Args:
        app: what is served.
        host: address or name of this machine.
        port: 0 takes a free one.
        ready: called with the URL once it listens.

    Raises:
        ParamsError: see `make_page_server`.
    """
    server = make_page_server(app, host, port)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    shown = f"[{host}]" if ":" in host else host
    ready(f"http://{shown}:{server.port}/")
    server.serve_forever()
