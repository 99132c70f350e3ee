"""The image that the Dockerfile builds on: in the engine, else pulled, else made here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local_services import apt, cpython, engine_client
from local_services.errors import ServiceError
from local_services.files import last_line, private_folder
from local_services.service import Report

if TYPE_CHECKING:
    from local_services.settings import Settings

IMAGE = "python:3.12-slim-bookworm"
SUITE = "bookworm"
# What CPython's extension modules link to, and what the official image adds to Debian.
PACKAGES = (
    "ca-certificates,netbase,tzdata,libssl3,libffi8,zlib1g,libbz2-1.0,liblzma5,libsqlite3-0,"
    "libreadline8,libncursesw6,libuuid1"
)
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CHANGES = [
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
    f"ENV PYTHON_VERSION={'.'.join(map(str, sys.version_info[:3]))}",
    # pip brings its own list of authorities, which lacks those of a proxy that this machine trusts.
    f"ENV PIP_CERT={CERTIFICATES}",
    "LABEL issuesum.base=debootstrap",
    'CMD ["python3"]',
]
NEEDLESS = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "var/log")


class BaseImage:
    """The base image, with the verbs of a service."""

    name = "base"

    def __init__(self, settings: Settings) -> None:
        """Remember where to work; look at nothing."""
        self.folder = settings.state / "base-image"

    @property
    def log(self) -> Path:
        """What apt-get and debootstrap print."""
        return self.folder / "debootstrap.log"

    def up(self) -> Report:
        """Pull the image, or make one of its name, unless the engine holds it.

        Raises:
            ServiceError: no engine answers, or the image can be neither pulled nor made.
        """
        if refusal := engine_client.refusal():
            raise ServiceError(
                f"an engine must answer before {IMAGE} can be looked for. Received: {refusal}."
                " Try: tools/services up again once it does"
            )
        if engine_client.has_image(IMAGE):
            return Report(self.name, IMAGE, "already present", up=True)
        print(f"base: pulling {IMAGE}", flush=True)
        try:
            engine_client.pull(IMAGE)
        except ServiceError as error:
            if not (apt.may_install() and _is_debian()):
                raise
            print(f"base: cannot pull ({error})", flush=True)
            self._make()
            return Report(self.name, IMAGE, "made here", up=True, log=self.log)
        return Report(self.name, IMAGE, "pulled", up=True)

    def status(self) -> Report:
        """Look into the engine."""
        up = engine_client.refusal() is None and engine_client.has_image(IMAGE)
        return Report(self.name, IMAGE, "present" if up else "absent", up=up)

    def down(self) -> Report | None:
        """Leave the image: it is data."""
        return None

    def exports(self) -> dict[str, str]:
        """Nothing: the Dockerfile names the image."""
        return {}

    def _make(self) -> None:
        private_folder(self.folder)
        if apt.which("debootstrap") is None:
            print(f"base: installing debootstrap (log: {self.log})", flush=True)
            apt.install(["debootstrap"], self.log)
        print(f"base: making {IMAGE} from Debian and this CPython (log: {self.log})", flush=True)
        root = self.folder / "root"
        self._remove(root)
        self._run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)])
        for needless in NEEDLESS:
            shutil.rmtree(root / needless)
            (root / needless).mkdir(parents=True)
        shutil.copyfile(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        cpython.copy(Path(sys.base_prefix), root / "usr" / "local")
        for command in cpython.SETUP:
            self._run(["chroot", str(root), "env", "-i", f"PATH={cpython.PATH}", *command])
        for compiled in list((root / "usr" / "local").rglob("__pycache__")):
            shutil.rmtree(compiled)
        _load(root)
        self._remove(root)

    def _run(self, command: list[str]) -> None:
        if not apt.run_logged(command, self.log, self.folder):
            raise ServiceError(
                f"{command[0]} must succeed, to make {IMAGE}."
                f" Received: {last_line(self.log)!r}. Try: read {self.log}"
            )

    def _remove(self, root: Path) -> None:
        # A debootstrap that was killed leaves its /proc mounted in there.
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        for point in (line.split()[1] for line in reversed(mounts)):
            if point.startswith(f"{root}/"):
                self._run(["umount", point])
        self._run(["rm", "-rf", "--one-file-system", str(root)])


def _is_debian() -> bool:
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    return "ID=debian" in text.splitlines()


def _load(root: Path) -> None:
    """Hand a folder to the engine as an image of one layer."""
    repository, _, tag = IMAGE.partition(":")
    pack = ["tar", "--numeric-owner", "--one-file-system", "-C", str(root), "-c", "."]
    with (
        subprocess.Popen(pack, stdout=subprocess.PIPE) as packer,
        engine_client.connect(timeout=300) as client,
    ):
        client.api.import_image(
            packer.stdout, repository=repository, tag=tag, changes=CHANGES, stream_src=True
        )
    if packer.returncode or not engine_client.has_image(IMAGE):
        raise ServiceError(f"Docker Engine must take {IMAGE} from tar. Try: docker image ls")
