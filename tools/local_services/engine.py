"""Docker Engine: one that answers, else `dockerd`, which root on Debian can install and start."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import DockerException, ImageNotFound

from issuesum.shipping.image.engine import environment, root_cause
from local_services import apt, common
from local_services.common import Report, Service, ServiceError
from local_services.process import Daemon
from local_services.settings import Settings

SOCKET = "unix:///var/run/docker.sock"
PID_FILE = Path("/var/run/docker.pid")
PACKAGES = ["docker.io", "iptables"]
START_SECONDS = 60
# dockerd gives its containers 15 seconds to end, then ends containerd.
GRACE_SECONDS = 60
PULL_SECONDS, SILENCE_SECONDS = 600, 60
DENIED = (
    f"this user must be allowed to use {SOCKET}. Received: permission denied."
    " Try: join the group docker and log in again, or set DOCKER_HOST"
)
ABSENT = (
    f"Docker Engine must answer at {SOCKET}. Received: no answer."
    " Try: install and start Docker (Engine, or Desktop), or set DOCKER_HOST"
)


@contextlib.contextmanager
def connect(timeout: int = SILENCE_SECONDS) -> Iterator[docker.DockerClient]:
    """Open a client and close it; the engine may be silent for `timeout` seconds."""
    with contextlib.ExitStack() as stack:
        try:
            variables = stack.enter_context(environment())
            client = docker.from_env(timeout=timeout, environment=variables)
        except DockerException as error:
            raise ServiceError(f"no engine: {root_cause(error)}") from error
        yield stack.enter_context(contextlib.closing(client))


def refusal() -> str | None:
    """Return why no engine answers, or None if one does."""
    try:
        with connect(timeout=10) as client:
            client.ping()
    except (ServiceError, OSError) as error:  # what requests raises is an OSError
        return root_cause(error)
    return None


def has_image(name: str) -> bool:
    with connect() as client:
        try:
            client.images.get(name)
        except ImageNotFound:
            return False
    return True


def pull(name: str) -> None:
    try:
        if not has_image(name):
            repository, _, tag = name.partition(":")
            with connect(PULL_SECONDS) as client:
                for step in client.api.pull(repository, tag, stream=True, decode=True):
                    if "error" in step:
                        raise OSError(step["error"])
    except OSError as error:  # the SDK's APIError and what requests raises are OSErrors
        raise ServiceError(
            f"Docker Engine must be able to pull {name}. Received: {error}. Try: docker pull {name}"
        ) from error


class Engine(Service):
    """The engine service; programs find it as the docker SDK does, so it exports nothing."""

    name = "engine"

    def __init__(self, settings: Settings) -> None:
        self.host = settings.docker_host
        self.folder = settings.state / "engine"
        self.daemon = Daemon("dockerd", self.folder)

    def up(self) -> Report:
        """Use the engine that answers, else install and start one where that is possible."""
        reason = refusal()
        if reason is None:
            return self._report("from the environment" if self.host else "already running", up=True)
        if self.host:
            raise ServiceError(
                f"DOCKER_HOST must name an engine that answers. Received: {self.host} ({reason})."
                " Try: start it, or unset DOCKER_HOST"
            )
        if not apt.is_root() or not (apt.may_install() or apt.which("dockerd")):
            raise ServiceError(DENIED if "Permission denied" in reason else ABSENT)
        common.private_folder(self.folder)
        if self.daemon.pid() is None:
            if apt.which("dockerd") is None:
                log = self.folder / "apt.log"
                print(f"engine: installing {' and '.join(PACKAGES)} (log: {log})", flush=True)
                apt.install(PACKAGES, log)
            # systemd starts the service of a package that was just installed.
            if not _other_runs():
                # dockerd writes PID_FILE too: it keeps any other away from /var/lib/docker.
                env = {of: value for of, value in os.environ.items() if not of.startswith("AWS_")}
                self.daemon.start([apt.which("dockerd") or "dockerd"], env | {"PATH": apt.path()})
        self._wait()
        return self._report("started" if self.daemon.pid() else "already running", up=True)

    def status(self) -> Report:
        up = refusal() is None
        return self._report("up" if up else "down", up=up)

    def down(self) -> Report | None:
        stopped = self.daemon.stop(GRACE_SECONDS)
        return self._report("stopped", up=False) if stopped else None

    def _report(self, state: str, *, up: bool) -> Report:
        log = self.daemon.log if self.daemon.pid() else None
        return Report(self.name, self.host or SOCKET, state, up=up, log=log)

    def _wait(self) -> None:
        def runs() -> bool:
            return self.daemon.pid() is not None or _other_runs()

        common.wait_until(lambda: not refusal() or not runs(), START_SECONDS)
        if reason := refusal():
            line = common.last_line(self.daemon.log)
            raise ServiceError(
                f"dockerd must answer within {START_SECONDS} s."
                f" Received: {reason if runs() else f'it ended, saying {line!r}'}."
                f" Try: read {self.daemon.log}"
            )


def _other_runs() -> bool:
    """Return whether a dockerd runs that was started elsewhere, though it may not answer yet."""
    try:
        pid = int(PID_FILE.read_text(encoding="utf-8"))
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return name.strip() == "dockerd"
