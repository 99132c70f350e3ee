"""What Debian and Ubuntu can add by themselves, a browser among it."""

import os
import shutil
import subprocess
from pathlib import Path

from local_services import common
from local_services.common import Report, ServiceError
from local_services.settings import Settings

# dpkg may be busy with other work for a while; apt-get gives up at once by default.
OPTIONS = ["-qq", "-y", "-o", "DPkg::Lock::Timeout=120"]
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"  # where servers lie; not on every user's PATH
BROWSER = "chromium"


def path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATH}"


def which(program: str) -> str | None:
    return shutil.which(program, path=path())


def is_root() -> bool:
    return os.geteuid() == 0


def may_install() -> bool:
    """Return whether packages can be installed: root, on Debian or what derives from it."""
    return is_root() and Path("/etc/debian_version").exists() and which("apt-get") is not None


def install(packages: list[str], log: Path) -> None:
    _run(["install", "--no-install-recommends", *packages], log, log.parent)


def download(package: str, folder: Path, log: Path) -> Path:
    """Download a package into a folder, which needs no root, and return the file."""
    _run(["download", package], log, folder)
    return max(folder.glob(f"{package}_*.deb"), key=lambda file: file.stat().st_mtime)


def install_browser(settings: Settings) -> Report:
    """Install Chromium, for the tests of the web page, if there is none; `up` does not."""
    if found := which(BROWSER):
        return Report("browser", found, "already there", up=True)
    if not may_install():
        raise ServiceError(
            f"{BROWSER} must be on PATH for the test of the web page. Received: none."
            " Try: install it, or run this as root on Debian"
        )
    log = common.private_folder(settings.state / "browser") / "apt.log"
    print(f"browser: installing {BROWSER} (log: {log})", flush=True)
    install([BROWSER], log)
    return Report("browser", which(BROWSER) or BROWSER, "installed", up=True)


def run_logged(command: list[str], log: Path, folder: Path) -> bool:
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "PATH": path()}
    with log.open("ab") as output:
        log.chmod(0o600)
        done = subprocess.run(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    return done.returncode == 0


def _run(command: list[str], log: Path, folder: Path) -> None:
    full = ["apt-get", *OPTIONS, *command]
    if run_logged(full, log, folder):
        return
    # Outdated lists are the usual reason. The update may fail by an unreachable third-party source.
    if is_root():
        run_logged(["apt-get", *OPTIONS, "update"], log, folder)
        if run_logged(full, log, folder):
            return
    line = common.last_line(log)
    raise ServiceError(
        f"apt-get {' '.join(command)} must succeed. Received: {line!r}. Try: read {log}"
    )
