"""Ports, and who answers on them."""

from __future__ import annotations

import http.client
import socket

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now.

    SO_REUSEADDR is what servers set: a port whose last connections linger counts as free.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(avoid: set[int]) -> int:
    """Return a free loopback port that is not one of `avoid`."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in avoid:
            return port


def connects(host: str, port: int) -> bool:
    """Tell whether anything accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError:
        return False
    return True


def registry_answer(port: int) -> str | None:
    """Ask localhost whether it is a registry.

    The name is `localhost`, as in the images' names, so that the answer is the one that the engine
    gets, on IPv6 or IPv4.

    Returns:
        "" if a registry answers, None if nobody listens, else what was found instead.
    """
    connection = http.client.HTTPConnection("localhost", port, timeout=5)
    try:
        connection.connect()
    except OSError:  # refused; or "cannot assign address" for ::1, seen in a container without IPv6
        return None
    try:
        connection.request("GET", "/v2/")
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"no HTTP answer ({type(error).__name__})"
    finally:
        connection.close()
    known = answer.status in {200, 401} and answer.getheader("Docker-Distribution-Api-Version")
    server = answer.getheader("Server") or "an unnamed server"
    return "" if known else f"HTTP {answer.status} from {server}"
