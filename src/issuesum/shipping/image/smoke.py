"""A first request to the image, in a container as strict as production's."""

from __future__ import annotations

import json
import time
from typing import Any

import docker
from docker.errors import APIError
from docker.models.containers import Container

from issuesum.errors import EngineError
from issuesum.registry.labels import VARIABLE

HARDENED: dict[str, Any] = {
    "read_only": True,
    "tmpfs": {"/tmp": ""},  # noqa: S108 -- the container's only writable place
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}
"""How every container of ours runs, here and in `issuesum serve`."""

REQUEST = json.dumps(
    {
        "data": {
            "ndarray": ["The movie playback area lists everything twice when night colours are on."]
        }
    }
)
"""The JSON of a first request, here and in `issuesum serve`."""

_TURN = 10.0
"""Seconds after which a container that does not answer yet is looked at again."""
# The container has no curl; its own Python asks from inside, so no port and no network is needed.
# It starts once and asks often: starting it takes from the server the very time that is measured.
_ASK = f"""
import json, os, sys, time, urllib.request
request = urllib.request.Request(
    "http://127.0.0.1:9000/api/v1.0/predictions",
    {REQUEST!r}.encode(),
    {{"Content-Type": "application/json"}},
)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
end = time.monotonic() + float(sys.argv[1])
while True:
    try:
        answer = json.load(opener.open(request, timeout=10))
        break
    except OSError as error:
        if time.monotonic() > end:
            sys.exit(str(error))
        time.sleep(0.05)
print(json.dumps({{"uid": os.getuid(), "answer": answer}}))
"""


def environment(client: docker.DockerClient, image: str) -> dict[str, str]:
    """Return the variables by which a container can compare itself with its image's labels."""
    return {VARIABLE: json.dumps(client.images.get(image).labels)}


def smoke_test(client: docker.DockerClient, image: str, *, called: str, timeout: float) -> str:
    """Run `image`, ask it for one title and remove the container.

    Args:
        client: of Docker Engine.
        image: what Docker Engine calls it.
        called: what the answers must call it, registry/name:tag.
        timeout: seconds until the first answer.

    Returns:
        The title.

    Raises:
        EngineError: no answer in time, the container ended, the answer is not a title or names
            another image, or the server runs as root.
    """
    container = client.containers.run(
        image,
        detach=True,
        network_mode="none",
        environment=environment(client, image),
        **HARDENED,
    )
    try:
        said = _first_answer(container, timeout)
        return _title(said, called)
    except EngineError as error:
        raise EngineError(f"{error} {last_words(container)}") from error
    finally:
        container.remove(force=True)


def last_words(container: Container) -> str:
    """Return what the container's log says of its end, on one line."""
    lines = container.logs(tail=200).decode(errors="replace").splitlines()
    telling = [line for line in lines if line.startswith("error:")] or lines[-3:]
    return f"Its log ends: {' '.join(' '.join(telling[-3:]).split())}"


def _first_answer(container: Container, timeout: float) -> dict[str, Any]:
    deadline = time.monotonic() + timeout
    reason = "no answer"
    while (left := deadline - time.monotonic()) > 0:
        try:
            turn = f"{min(left, _TURN):g}"
            code, output = container.exec_run(["python3", "-c", _ASK, turn])
        except APIError:  # it has ended since
            code, output = None, b""
        text = output.decode(errors="replace") if isinstance(output, bytes) else ""
        if code == 0:
            said: dict[str, Any] = json.loads(text)
            return said
        container.reload()
        if container.status != "running":
            ended = container.attrs["State"]["ExitCode"]
            raise EngineError(
                f"The container must keep running. Received: it ended with exit code {ended}."
            )
        reason = " ".join(text.split()[-20:]) or reason
    raise EngineError(
        f"The container must answer within {timeout:g} s (export.smoke_timeout). Received: "
        f"{reason}."
    )


def _title(said: dict[str, Any], called: str) -> str:
    answer = said["answer"]
    titles = answer.get("data", {}).get("ndarray")
    if not (isinstance(titles, list) and titles and isinstance(titles[0], str) and titles[0]):
        raise EngineError(f"The container must answer with a title. Received: {answer}.")
    if answer.get("meta", {}).get("tags", {}).get("image") != called:
        raise EngineError(f"The answer's tags must name {called}. Received: {answer.get('meta')}.")
    if said["uid"] == 0:
        raise EngineError("The server must not run as root. Received: uid 0.")
    return titles[0]
