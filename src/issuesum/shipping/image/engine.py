"""Docker Engine: the connection to it, and images that it pulls.

It is the one that Docker's own programs would use: of DOCKER_HOST, or of the context, by Unix
socket, TCP, TLS or ssh. Credentials are in no file of ours.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

import docker
from docker.auth import AuthConfig
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.images import Image
from requests import RequestException
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from issuesum.errors import ArtifactError, EngineError, one_line
from issuesum.registry.client import Registry, refusal
from issuesum.registry.credentials import credentials_for
from issuesum.registry.image import read_image
from issuesum.registry.reference import Reference

_NOBODY = AuthConfig({"auths": {"localhost": {}}})  # empty, it would be read from the file
_CHATTER = ("Removing intermediate container", "--->")
_DEFAULT = "unix:///var/run/docker.sock"


class NoEngineError(EngineError):
    """No engine answers."""


@contextmanager
def engine() -> Iterator[docker.DockerClient]:
    """Give a client (NoEngineError: none answers; EngineError: one refuses what the block asks)."""
    answered = False
    try:
        with (
            environment() as known,
            closing(docker.from_env(environment=known)) as client,
            emulating(),
        ):
            client.ping()
            answered = True
            # Pulls get our credentials, and builds need none: no helper is asked for all it has.
            client.api._auth_configs = _NOBODY  # type: ignore[attr-defined]  # noqa: SLF001
            yield client
    except (DockerException, RequestException, HTTPError) as error:
        if answered:
            raise EngineError(
                f"Docker Engine failed. Received: {reason_of(error)}. "
                "Try: docker info, and the engine's log."
            ) from error
        reason, advice = root_cause(error), "tools/services up, start Docker, or set DOCKER_HOST"
        if "Permission denied" in reason:
            advice = "join the group docker and log in again, or set DOCKER_HOST"
        raise NoEngineError(
            f"Docker Engine must answer. Received: {reason}. Try: {advice}; "
            "then the same command again."
        ) from error


@contextmanager
def emulating() -> Iterator[None]:
    """Add to an EngineError of the block how programs of another architecture can be run."""
    try:
        yield
    except EngineError as error:
        if "exec format error" not in str(error).lower():
            raise
        raise EngineError(
            "The machine must run programs of the image's architecture. Received: "
            f"{error.received}. Try: docker run --privileged --rm tonistiigi/binfmt --install all, "
            "which emulates others; or a machine of that architecture."
        ) from error


@contextmanager
def environment() -> Iterator[Mapping[str, str]]:
    """Give variables for docker.from_env (DockerException: Docker's settings name no engine)."""
    named = os.environ.get("DOCKER_HOST")
    try:
        host = named or ContextAPI.kwargs_from_context()["base_url"]
        there = urlsplit(host)
        forwarded = _forwarded(there, there.port) if there.scheme == "ssh" else None
    except Exception as error:  # of a context's file, the library raises just that
        context = os.environ.get("DOCKER_CONTEXT") or "in use"
        where = "DOCKER_HOST" if named else f"the context {context} (docker context ls)"
        reason = "none with an address" if isinstance(error, KeyError) else one_line(error)
        raise DockerException(f"no engine by {where}: {reason}") from error
    if forwarded:
        with forwarded as socket:
            yield {"DOCKER_HOST": f"unix://{socket}"}
        return
    own = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    sockets = [there.path, f"{own}/docker.sock", f"{own}/podman/podman.sock"]
    found = next((path for path in sockets if os.access(path, os.W_OK)), there.path)
    default = not named and host == _DEFAULT
    yield {**os.environ, "DOCKER_HOST": f"unix://{found}"} if default else os.environ


@contextmanager
def _forwarded(there: SplitResult, port: int | None) -> Iterator[str]:
    """Give a socket whose connections the ssh program takes to an engine, as Docker's does."""
    command = ["ssh", "-T", "-o", "ConnectTimeout=30"]
    command += ["-l", there.username] if there.username else []
    command += ["-p", str(port)] if port else []
    command += ["--", there.hostname or "", "docker"]
    command += ["--host", shlex.quote(f"unix://{there.path}")] if there.path.strip("/") else []
    command += ["system", "dial-stdio"]
    if not shutil.which("ssh"):
        raise DockerException(f"no ssh program for {there.hostname}")
    with (
        tempfile.TemporaryDirectory(prefix="issuesum-") as folder,
        tempfile.TemporaryFile() as said,
    ):

        class Line(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                ends = {"stdin": self.request, "stdout": self.request, "stderr": said}
                subprocess.run(command, **ends, check=False)

        with socketserver.ThreadingUnixStreamServer(f"{folder}/docker.sock", Line) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield str(server.server_address)
            except (DockerException, RequestException) as error:
                said.seek(0)
                lines = said.read().decode(errors="replace").splitlines()
                if lines and not isinstance(error, APIError):
                    raise DockerException(f"ssh {there.hostname}: {lines[-1]}") from error
                raise
            finally:
                server.shutdown()


def root_cause(error: Exception) -> str:
    """Return why no engine answers: the SDK and its HTTP client wrap that three times."""
    cause: BaseException = error
    if isinstance(error, RequestException) or "fetching server API version" in str(error):
        while below := cause.__cause__ or cause.__context__:
            cause = below
    return getattr(cause, "strerror", None) or one_line(cause)


def reason_of(error: Exception) -> str:
    """Return the engine's reason, folded to one line."""
    return " ".join(str(getattr(error, "explanation", None) or error).split())


def fetch_base(client: docker.DockerClient, name: str, platform: str) -> tuple[str, Image]:
    """Pull a base image for os/architecture, and return it with the name to build on it by.

    That is its digest, if it is for another platform than the engine's own: the engine's tag would
    be moved, and other builds with it. Raises ArtifactError if there is none for the platform.
    """
    if platform != platform_of(client.version()):
        image = Reference.parse(name)
        found = read_image(Registry(image.host), image, platform)
        if platform != f"linux/{found.architecture}":
            raise ArtifactError(
                f"{name} must be an image for {platform}. Received: one for "
                f"{found.architecture}. Try: another export.base_image or export.platform."
            )
        name = str(found.reference)
    return name, fetch(client, name, platform)


def platform_of(found: Mapping[str, Any]) -> str:
    """Return os/architecture from what the engine says of itself, or of an image."""
    return f"{found['Os']}/{found.get('Arch') or found['Architecture']}"


def fetch(client: docker.DockerClient, name: str, platform: str | None = None) -> Image:
    """Return an image by its digest or tag, pulled unless the engine holds it for that platform."""
    with suppress(ImageNotFound):
        found = client.images.get(name)
        if platform in (None, platform_of(found.attrs)):
            return found
    image = Reference.parse(name)
    known = credentials_for(image.host).for_engine
    try:
        answers = client.api.pull(
            image.repository, image.version, stream=True, decode=True, auth_config=known,
            platform=platform,
        )  # fmt: skip
        if failure := failure_of(answers, f"docker pull {image}"):
            raise refusal(str(image), failure)
    except APIError as error:
        raise refusal(str(image), reason_of(error)) from error
    return client.images.get(name)


def build(
    client: docker.DockerClient, image: str, *, what: object, advice: str,
    **options: Any,  # noqa: ANN401 -- of the SDK
) -> None:  # fmt: skip
    """Build an image of `what`, whose tar is the option `fileobj` (EngineError: a step failed)."""
    answers = client.api.build(
        custom_context=True, tag=image, rm=True, forcerm=True, decode=True, **options
    )
    if failure := failure_of(answers, f"docker build {image}"):
        raise EngineError(f"Cannot build {what}. Received: {failure}. Try: {advice}.")


def failure_of(answers: Iterable[dict[str, Any]], description: str) -> str | None:
    """Return why a build, a pull or a push failed, if it did; show a bar of its lines meanwhile."""
    last = ""
    with tqdm(desc=description, unit=" lines", disable=None) as progress:
        for answer in answers:
            progress.update()
            if "error" in answer:
                return one_line(answer["error"]) + (f" (after: {last})" if last else "")
            line = one_line(answer.get("stream", ""))
            if line and not line.startswith(_CHATTER):
                last = line
    return None
