"""The image in a container as strict as production's, and the smoke test of it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import docker
from docker.errors import ContainerError
from docker.models.containers import Container

from issuesum.errors import EngineError, one_line
from issuesum.registry.labels import VARIABLE
from issuesum.shipping.image.engine import fetch

HARDENED: dict[str, Any] = {
    "read_only": True,
    "tmpfs": {"/tmp": ""},  # noqa: S108 -- the container's only writable place
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}
"""How every container of ours runs."""
_BODY = "I noticed that open_archive crashes. It only happens on Windows."
REQUEST = json.dumps({"data": {"ndarray": [_BODY]}})
"""The JSON of a first request."""
# The container has no curl; its own Python asks from inside, so no port and no network is needed.
_ASK = f"""
import json, os, sys, urllib.request
request = urllib.request.Request(
    "http://127.0.0.1:9000/api/v1.0/predictions",
    {REQUEST!r}.encode(),
    {{"Content-Type": "application/json"}},
)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
try:
    answer = json.load(opener.open(request, timeout=10))
except OSError as error:
    sys.exit(str(error))
print(json.dumps({{"uid": os.getuid(), "answer": answer}}))
"""


def smoke_test(client: docker.DockerClient, image: str, *, called: str, timeout: float) -> str:
    """Return the first title of `image`, whose answers must name it `called`, registry/name:tag.

    EngineError: no answer in `timeout` seconds, the container ended, the answer is not a title or
    names another image, or the server runs as root.
    """
    container = run(client, image, network_mode="none")

    def ask() -> bytes:
        answer: Any = container.exec_run(["python3", "-c", _ASK])
        code, output = answer
        if code != 0:
            raise OSError(" ".join(output.decode(errors="replace").split()[-20:]))
        return bytes(output)

    def ended() -> int | None:
        container.reload()
        running = container.status == "running"
        return None if running else int(container.attrs["State"]["ExitCode"])

    try:
        with with_last_words(lambda: container.logs(tail=200)):
            found = json.loads(first_answer(ask, timeout, ended))
            if found["uid"] == 0:
                raise EngineError("The server must not run as root. Received: uid 0.")
            return title_of(found["answer"], called)
    finally:
        container.remove(force=True)


def python_output(client: docker.DockerClient, image: str, script: str) -> bytes:
    """Return what an image's Python prints in a hardened container (EngineError: it fails)."""
    fetch(client, image)
    try:
        answer: bytes = client.containers.run(
            image, ["-I", "-c", script],
            entrypoint="python3", network_mode="none", remove=True, **HARDENED,
        )  # fmt: skip
    except ContainerError as error:
        raise EngineError(
            f"{image} must run its Python. Received: {one_line(error)[-300:]}. "
            "Try: an image that the export stage made."
        ) from error
    return answer


@contextmanager
def with_last_words(log: Callable[[], bytes]) -> Iterator[None]:
    """Add the end of a server's log to an EngineError of the block."""
    try:
        yield
    except EngineError as error:
        raise EngineError(f"{error} {last_words(log())}") from error


def last_words(log: bytes) -> str:
    """Return the end of a server's log, or its last error, on one line."""
    lines = log.decode(errors="replace").splitlines()
    last = [line for line in lines if line.startswith("error:")] or lines
    return f"Its log ends: {' '.join(' '.join(last[-3:]).split())}"


def run(client: docker.DockerClient, image: str, **options: Any) -> Container:  # noqa: ANN401
    """Start a hardened container, which can compare itself with its image's labels."""
    labels = {VARIABLE: json.dumps(client.images.get(image).labels)}
    return client.containers.run(image, detach=True, environment=labels, **HARDENED, **options)


def first_answer[T](
    ask: Callable[[], T], timeout: float, ended: Callable[[], int | None] = lambda: None
) -> T:
    """Return what `ask` gives within `timeout` seconds.

    What it raises as an OSError is no answer yet. `ended` gives the server's exit code once it has
    ended (EngineError: it has, or gives no answer).
    """
    deadline, reason = time.monotonic() + timeout, "no answer"
    while time.monotonic() < deadline:
        try:
            return ask()
        except OSError as error:
            reason = one_line(error) or reason
        if (code := ended()) is not None:
            raise EngineError(
                f"The server must keep running. Received: it ended with exit code {code}."
            )
        time.sleep(0.1)
    raise EngineError(
        f"The server must answer within {timeout:g} s. Received: {reason}. "
        "Try: a larger export.smoke_timeout, or a less busy machine."
    )


def title_of(answer: dict[str, Any], called: str) -> str:
    """Return the title in a first answer (EngineError: none, or not by the image `called`)."""
    titles = answer.get("data", {}).get("ndarray")
    if not (isinstance(titles, list) and titles and isinstance(titles[0], str) and titles[0]):
        raise EngineError(f"The server must answer with a title. Received: {answer}.")
    if answer.get("meta", {}).get("tags", {}).get("image") != called:
        raise EngineError(f"The answer's tags must name {called}. Received: {answer.get('meta')}.")
    return titles[0]
