"""The registry that images are pushed to: one that answers, else one started on loopback."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from local_services import net, registry_container, registry_process
from local_services.errors import ServiceError
from local_services.files import private_folder, read_json, write_json
from local_services.process import POLL_SECONDS
from local_services.service import Report

if TYPE_CHECKING:
    from pathlib import Path

    from local_services.settings import Settings

DEFAULT_PORT = 5000
START_SECONDS = 30


class Registry:
    """The registry service."""

    name = "registry"

    def __init__(self, settings: Settings) -> None:
        """Look at the state folder; start nothing."""
        self.folder = settings.state / "registry"
        self.daemon = registry_process.daemon(self.folder)
        self.wanted = settings.registry_port
        last = self._last()
        here = {f"localhost:{port}" for port in (last, self.wanted or DEFAULT_PORT) if port}
        # A shell that has read .services.env names our own registry.
        self.elsewhere = None if settings.registry in here else settings.registry
        named = last is not None and settings.registry == f"localhost:{last}"
        self.port = self._port(last if named or self._runs() else None, last)

    @property
    def address(self) -> str:
        """The first part of the images' names."""
        return self.elsewhere or f"localhost:{self.port}"

    def up(self) -> Report:
        """Use the registry at the port, else start one.

        Raises:
            ServiceError: another server holds the port, or none can be started.
        """
        if self.elsewhere:
            return Report(self.name, self.elsewhere, "from the environment", up=True)
        private_folder(self.folder)
        running = self._runs()
        if running and self.port != self._last():
            raise ServiceError(
                f"ISSUESUM_REGISTRY_PORT must be {self._last()}, where the registry already runs."
                f" Received: {self.port}. Try: tools/services down first, or unset the variable"
            )
        if not running:
            if self._answers():
                return Report(self.name, self.address, "already running", up=True)
            self._start()
        self._wait()
        state = "already running" if running else "started"
        return Report(self.name, self.address, state, up=True, log=self._log())

    def status(self) -> Report:
        """Ask the port whether a registry answers."""
        if self.elsewhere:
            host, _, port = self.elsewhere.partition("/")[0].partition(":")
            up = net.connects(host, int(port) if port.isdigit() else 443)
        else:
            up = net.registry_answer(self.port) == ""
        return Report(self.name, self.address, "up" if up else "down", up=up, log=self._log())

    def down(self) -> Report | None:
        """Stop the registry that was started from this state folder."""
        stopped = self.daemon.stop(grace=10) or registry_container.stop(self.folder)
        return Report(self.name, self.address, "stopped", up=False) if stopped else None

    def exports(self) -> dict[str, str]:
        """The address."""
        return {"ISSUESUM_REGISTRY": self.address}

    def _last(self) -> int | None:
        port = read_json(self.folder / "address.json").get("port")
        return int(port) if port else None

    def _port(self, ours: int | None, last: int | None) -> int:
        if self.wanted:
            return self.wanted
        if ours:
            return ours
        if self.wanted is None:
            return DEFAULT_PORT
        return last if last and net.is_free(last) else net.free_port(avoid=set())

    def _runs(self) -> bool:
        return self.daemon.pid() is not None or registry_container.runs(self.folder)

    def _log(self) -> Path | None:
        return self.daemon.log if self.daemon.pid() else None

    def _answers(self) -> bool:
        found = net.registry_answer(self.port)
        if found:
            raise ServiceError(
                f"port {self.port} must be free or hold a registry. Received: {found}."
                f" Try: stop that server, or set ISSUESUM_REGISTRY_PORT"
            )
        return found is not None

    def _start(self) -> None:
        if binary := registry_process.binary(self.folder):
            registry_process.start(binary, self.daemon, self.port)
        elif registry_container.possible():
            registry_container.start(self.folder, self.port)
        else:
            raise ServiceError(
                "docker-registry must be on PATH, or Docker Engine must answer."
                " Received: neither. Try: install docker-registry, or start Docker"
            )
        write_json(self.folder / "address.json", {"port": self.port})

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while net.registry_answer(self.port) != "":
            if not self._runs() or time.monotonic() > deadline:
                raise ServiceError(
                    f"the registry at {self.address} must answer within {START_SECONDS} s."
                    f" Received: {net.registry_answer(self.port) or 'nothing'}."
                    f" Try: {registry_container.hint(self.folder) or f'read {self.daemon.log}'}"
                )
            time.sleep(POLL_SECONDS)
