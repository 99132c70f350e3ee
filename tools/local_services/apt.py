"""What Debian and Ubuntu can add by themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from local_services.errors import ServiceError
from local_services.files import last_line

# dpkg may be busy with somebody else's work for a while; apt-get gives up at once by default.
OPTIONS = ["-qq", "-y", "-o", "DPkg::Lock::Timeout=120"]
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"  # where servers lie; not on every user's PATH


def path() -> str:
    """Return PATH with the folders of system programs."""
    return f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}"


def which(program: str) -> str | None:
    """Find a program, system programs included."""
    return shutil.which(program, path=path())


def is_root() -> bool:
    """Tell whether this user may install and start system services."""
    return os.geteuid() == 0


def may_install() -> bool:
    """Tell whether packages can be installed: root, on Debian or what derives from it."""
    return is_root() and Path("/etc/debian_version").exists() and which("apt-get") is not None


def install(packages: list[str], log: Path) -> None:
    """Install packages without what they merely recommend."""
    _run(["install", "--no-install-recommends", *packages], log, log.parent)


def download(package: str, folder: Path, log: Path) -> Path:
    """Download one package into a folder, which needs no root, and return the file."""
    _run(["download", package], log, folder)
    return max(folder.glob(f"{package}_*.deb"), key=lambda file: file.stat().st_mtime)


def run_logged(command: list[str], log: Path, folder: Path) -> bool:
    """Run a command with its output in a log; tell whether it succeeded."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "PATH": path()}
    with log.open("ab") as output:
        log.chmod(0o600)
        done = subprocess.run(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return done.returncode == 0


def _run(command: list[str], log: Path, folder: Path) -> None:
    full = ["apt-get", *OPTIONS, *command]
    if run_logged(full, log, folder):
        return
    # Empty or outdated lists are the usual reason. The update's own exit code says little: it fails
    # for one third-party source that is unreachable, though Debian's lists are there.
    if is_root():
        run_logged(["apt-get", *OPTIONS, "update"], log, folder)
        if run_logged(full, log, folder):
            return
    raise ServiceError(
        f"apt-get {' '.join(command)} must succeed. Received: {last_line(log)!r}. Try: read {log}"
    )
