"""Docker Engine: one that answers, else `dockerd`, which root on Debian can install and start."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local_services import apt, engine_client
from local_services.errors import ServiceError
from local_services.files import last_line, private_folder
from local_services.process import POLL_SECONDS, Daemon
from local_services.service import Report

if TYPE_CHECKING:
    from local_services.settings import Settings

SOCKET = "unix:///var/run/docker.sock"
PID_FILE = Path("/var/run/docker.pid")
PACKAGES = ["docker.io", "iptables"]
START_SECONDS = 60
# dockerd gives its containers 15 seconds to end, then ends containerd.
GRACE_SECONDS = 60


class Engine:
    """The engine service."""

    name = "engine"

    def __init__(self, settings: Settings) -> None:
        """Look at the state folder; start nothing."""
        self.host = settings.docker_host
        self.folder = settings.state / "engine"
        self.daemon = Daemon("dockerd", self.folder)

    def up(self) -> Report:
        """Use the engine that answers, else install and start one where that is possible.

        Raises:
            ServiceError: there is none and none can be started here.
        """
        refusal = engine_client.refusal()
        if refusal is None:
            return self._report("from the environment" if self.host else "already running", up=True)
        if self.host:
            raise ServiceError(
                f"DOCKER_HOST must name an engine that answers. Received: {self.host} ({refusal})."
                " Try: start it, or unset DOCKER_HOST"
            )
        if not apt.is_root() or not (apt.may_install() or apt.which("dockerd")):
            raise ServiceError(_advice(refusal))
        private_folder(self.folder)
        if self.daemon.pid() is None:
            self._install()
            # systemd starts the service of a package that was just installed.
            if not _other_runs():
                self._start()
        self._wait()
        return self._report("started" if self.daemon.pid() else "already running", up=True)

    def status(self) -> Report:
        """Ask the engine for its version."""
        up = engine_client.refusal() is None
        return self._report("up" if up else "down", up=up)

    def down(self) -> Report | None:
        """Stop the engine that was started from this state folder; wait until it is gone."""
        if not self.daemon.stop(GRACE_SECONDS):
            return None
        return Report(self.name, self.host or SOCKET, "stopped", up=False, log=self.daemon.log)

    def exports(self) -> dict[str, str]:
        """Nothing: the docker SDK and the docker command find the engine as this does."""
        return {}

    def _report(self, state: str, *, up: bool) -> Report:
        log = self.daemon.log if self.daemon.pid() else None
        return Report(self.name, self.host or SOCKET, state, up=up, log=log)

    def _install(self) -> None:
        if apt.which("dockerd") is None:
            log = self.folder / "apt.log"
            print(f"engine: installing {' and '.join(PACKAGES)} (log: {log})", flush=True)
            apt.install(PACKAGES, log)

    def _start(self) -> None:
        # dockerd's own PID_FILE stays beside ours: it keeps a second dockerd, whoever starts it,
        # away from the same /var/lib/docker.
        env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.daemon.start([apt.which("dockerd") or "dockerd"], env | {"PATH": apt.path()})

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while refusal := engine_client.refusal():
            ended = self.daemon.pid() is None and not _other_runs()
            if ended or time.monotonic() > deadline:
                found = f"it ended, saying {last_line(self.daemon.log)!r}" if ended else refusal
                raise ServiceError(
                    f"dockerd must answer within {START_SECONDS} s. Received: {found}."
                    f" Try: read {self.daemon.log}"
                )
            time.sleep(POLL_SECONDS)


def _other_runs() -> bool:
    """Tell whether somebody's dockerd runs, though it may not answer yet."""
    try:
        pid = int(PID_FILE.read_text(encoding="utf-8"))
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return name.strip() == "dockerd"


def _advice(refusal: str) -> str:
    if "Permission denied" in refusal:
        return (
            f"this user must be allowed to use {SOCKET}. Received: permission denied."
            " Try: join the group docker and log in again, or set DOCKER_HOST"
        )
    return (
        f"Docker Engine must answer at {SOCKET}. Received: no answer."
        " Try: install and start Docker (Engine, or Desktop), or set DOCKER_HOST"
    )
