"""A browser for the test of the web page; no service, so `up` does not install it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_services import apt
from local_services.errors import ServiceError
from local_services.files import private_folder
from local_services.service import Report

if TYPE_CHECKING:
    from local_services.settings import Settings

PACKAGE = "chromium"


def install(settings: Settings) -> Report:
    """Install Debian's Chromium if there is none.

    Raises:
        ServiceError: it cannot be installed by this user or on this system.
    """
    state = "already there"
    if apt.which(PACKAGE) is None:
        if not apt.may_install():
            raise ServiceError(
                f"{PACKAGE} must be on PATH for the test of the web page. Received: none."
                " Try: install it, or run this as root on Debian"
            )
        log = private_folder(settings.state / "browser") / "apt.log"
        print(f"browser: installing {PACKAGE} (log: {log})", flush=True)
        apt.install([PACKAGE], log)
        state = "installed"
    return Report("browser", apt.which(PACKAGE) or PACKAGE, state, up=True)
