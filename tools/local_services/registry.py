"""The registry that images are pushed to: one that answers, else one started on loopback.

It is Debian's `docker-registry` as a process, or a container where there is no such package.
"""

import contextlib
import http.client
import tempfile
from pathlib import Path

from docker.errors import APIError, NotFound

from local_services import apt, common, engine
from local_services.common import Report, Service, ServiceError
from local_services.process import Daemon
from local_services.settings import Settings

DEFAULT_PORT = 5000
START_SECONDS = 30
PACKAGE = "docker-registry"
IMAGE = "registry:2"
VOLUME = "issuesum-registry"


class Registry(Service):
    """The registry service."""

    name = "registry"

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.state / "registry"
        self.daemon = Daemon("registry", self.folder)
        self.container = _Container(self.folder)
        self.wanted = settings.registry_port
        last = self._last()
        here = {f"localhost:{port}" for port in (last, self.wanted or DEFAULT_PORT) if port}
        # A shell that has read .services.env names our own registry.
        self.elsewhere = None if settings.registry in here else settings.registry
        named = last is not None and settings.registry == f"localhost:{last}"
        ours = last if named or self._runs() else None
        self.any_port = self.wanted == 0 and not ours  # the last one, or what is free in `up`
        self.port = last or 0 if self.any_port else self.wanted or ours or DEFAULT_PORT

    @property
    def address(self) -> str:  # the first part of the images' names
        return self.elsewhere or f"localhost:{self.port}"

    def up(self) -> Report:
        """Use the registry at the port, else start one."""
        if self.elsewhere:
            return Report(self.name, self.elsewhere, "from the environment", up=True)
        common.private_folder(self.folder)
        running = self._runs()
        if running and self.port != self._last():
            raise ServiceError(
                f"ISSUESUM_REGISTRY_PORT must be {self._last()}, where the registry already runs."
                f" Received: {self.port}. Try: tools/services down first, or unset the variable"
            )
        if not running:
            if self.any_port and not (self.port and common.is_free(self.port)):
                self.port = common.free_port(avoid=set())
            if found := answer(self.port):
                raise ServiceError(
                    f"port {self.port} must be free or hold a registry. Received: {found}."
                    " Try: stop that server, or set ISSUESUM_REGISTRY_PORT"
                )
            if found == "":
                return Report(self.name, self.address, "already running", up=True)
            self._start()
        self._wait()
        state = "already running" if running else "started"
        return Report(self.name, self.address, state, up=True, log=self._log())

    def status(self) -> Report:
        if self.elsewhere:
            host, _, port = self.elsewhere.partition("/")[0].partition(":")
            up = common.connects(host, int(port) if port.isdigit() else 443)
        else:
            up = answer(self.port) == ""
        return Report(self.name, self.address, "up" if up else "down", up=up, log=self._log())

    def down(self) -> Report | None:
        stopped = self.daemon.stop(grace=10) or self.container.stop()
        return Report(self.name, self.address, "stopped", up=False) if stopped else None

    def exports(self) -> dict[str, str]:
        return {"ISSUESUM_REGISTRY": self.address}

    def _last(self) -> int | None:
        port = common.read_json(self.folder / "address.json").get("port")
        return int(port) if port else None

    def _runs(self) -> bool:
        return self.daemon.pid() is not None or self.container.runs()

    def _log(self) -> Path | None:
        return self.daemon.log if self.daemon.pid() else None

    def _start(self) -> None:
        if program := binary(self.folder):
            config = self.folder / "config.yml"
            data = common.private_folder(self.folder / "data")
            settings = {
                "version": "0.1",
                "storage": {"filesystem": {"rootdirectory": str(data)}},
                "http": {"addr": f"{common.LOOPBACK}:{self.port}"},
            }
            common.write_json(config, settings)  # which is YAML
            # A clean environment: any REGISTRY_* variable would override the file.
            env = {"PATH": apt.path(), "HOME": str(self.folder)}
            self.daemon.start([str(program), "serve", str(config)], env)
        elif engine.refusal() is None:
            self.container.start(self.port)
        else:
            raise ServiceError(
                "docker-registry must be on PATH, or Docker Engine must answer."
                " Received: neither. Try: install docker-registry, or start Docker"
            )
        common.write_json(self.folder / "address.json", {"port": self.port})

    def _wait(self) -> None:
        common.wait_until(lambda: answer(self.port) == "" or not self._runs(), START_SECONDS)
        if (found := answer(self.port)) != "":
            hint = f"docker logs {self.container.id[:12]}" if self.container.id else ""
            raise ServiceError(
                f"the registry at {self.address} must answer within {START_SECONDS} s."
                f" Received: {found or 'nothing'}. Try: {hint or f'read {self.daemon.log}'}"
            )


class _Container:
    """The registry as a container; its id is remembered in the service's folder."""

    def __init__(self, folder: Path) -> None:
        self._record = folder / "container.json"

    @property
    def id(self) -> str:
        return str(common.read_json(self._record).get("id", ""))

    def runs(self) -> bool:
        if not self.id or engine.refusal():
            return False
        with engine.connect() as client, contextlib.suppress(NotFound):
            return client.containers.get(self.id).status == "running"
        return False

    def start(self, port: int) -> None:
        """Run it on loopback; images are in a volume, since an engine in a VM sees no folders."""
        self.stop()
        engine.pull(IMAGE)
        with engine.connect() as client:
            try:
                container = client.containers.run(
                    IMAGE,
                    detach=True,
                    ports={"5000/tcp": (common.LOOPBACK, port)},
                    volumes={VOLUME: {"bind": "/var/lib/registry", "mode": "rw"}},
                    labels={"issuesum.state": str(self._record.parents[1])},
                )
            except APIError as error:
                raise ServiceError(f"Docker Engine must run {IMAGE}. Received: {error}") from error
            common.write_json(self._record, {"id": str(container.id)})

    def stop(self) -> bool:
        """Remove the container; return whether there was one. The volume stays."""
        if not self.id or engine.refusal():
            return False
        found = False
        with engine.connect() as client, contextlib.suppress(NotFound):
            client.containers.get(self.id).remove(force=True)
            found = True
        self._record.unlink()
        return found


def binary(folder: Path) -> Path | str | None:
    """Find the program, or fetch Debian's package; None if it has none.

    It is unpacked: installing needs root and may start a service that listens on all interfaces.
    """
    if found := apt.which(PACKAGE):
        return found
    unpacked = folder / "package"
    program = unpacked / "usr" / "bin" / PACKAGE
    if program.exists():
        return program
    if not (apt.which("apt-get") and apt.which("dpkg-deb")):
        return None
    log = folder / "apt.log"
    print(f"registry: fetching {PACKAGE} with apt-get (log: {log})", flush=True)
    try:
        package = apt.download(PACKAGE, common.private_folder(folder), log)
    except ServiceError as error:
        print(f"registry: {error}", flush=True)
        return None
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        if not apt.run_logged(["dpkg-deb", "-x", str(package), f"{fresh}/new"], log, folder):
            raise ServiceError(f"dpkg-deb must unpack {package}. Try: read {log}")
        Path(fresh, "new").rename(unpacked)
    package.unlink()
    return program


def answer(port: int) -> str | None:
    """Return "" if a registry answers, None if nobody listens, else what was found instead.

    The name is `localhost`, as in images' names: the engine gets the same answer, by IPv6 or IPv4.
    """
    with contextlib.closing(http.client.HTTPConnection("localhost", port, timeout=5)) as connection:
        try:
            connection.connect()
        except OSError:  # refused; "cannot assign address" for ::1 in a container without IPv6
            return None
        try:
            connection.request("GET", "/v2/")
            found = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            return f"no HTTP answer ({type(error).__name__})"
    if found.status in {200, 401} and found.getheader("Docker-Distribution-Api-Version"):
        return ""
    return f"HTTP {found.status} from {found.getheader('Server') or 'an unnamed server'}"
