"""The registry as a plain process: CNCF distribution, as Debian packages it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from local_services import apt
from local_services.errors import ServiceError
from local_services.files import private_folder, write_private
from local_services.net import LOOPBACK
from local_services.process import Daemon

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "docker-registry"


def daemon(folder: Path) -> Daemon:
    """Name the process in its folder."""
    return Daemon("registry", folder)


def binary(folder: Path) -> Path | str | None:
    """Find the program on PATH or in the state folder, or fetch it where apt-get exists.

    The package is unpacked, not installed: installing needs root and may start a system service
    that listens on all interfaces.

    Returns:
        The program, or None where Debian's package cannot be had.
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
        package = apt.download(PACKAGE, private_folder(folder), log)
    except ServiceError as error:
        print(f"registry: {error}", flush=True)
        return None
    fresh = folder / "package.part"
    shutil.rmtree(fresh, ignore_errors=True)
    if not apt.run_logged(["dpkg-deb", "-x", str(package), str(fresh)], log, folder):
        raise ServiceError(f"dpkg-deb must unpack {package}. Try: read {log}")
    package.unlink()
    fresh.rename(unpacked)
    return program


def start(program: Path | str, server: Daemon, port: int) -> None:
    """Start it on loopback, with its images in the state folder."""
    config = server.folder / "config.yml"
    data = private_folder(server.folder / "data")
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(data)}},
        "http": {"addr": f"{LOOPBACK}:{port}"},
    }
    write_private(config, json.dumps(settings, indent=2) + "\n")  # JSON is YAML
    # A clean environment: any REGISTRY_* variable would override the file.
    env = {"PATH": apt.path(), "HOME": str(server.folder)}
    server.start([str(program), "serve", str(config)], env)
