"""The image that the Dockerfile builds on: in the engine, else pulled, else made here."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

from local_services import apt, common, engine
from local_services.common import Report, Service, ServiceError
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
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
# config-* holds the static library and the Makefile that embedding needs.
NEEDLESS_OF_PYTHON = shutil.ignore_patterns(
    "__pycache__", "site-packages", "test", "tests", "idle_test", "config-*", "*.a"
)
PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Run in the new root. ensurepip writes scripts that name /usr/local/bin, not this machine's prefix.
# The imports fail if a shared library is missing, or wants a newer C library than the root's.
SETUP = (
    ("ldconfig",),
    (PYTHON, "-c", "import bz2, ctypes, lzma, readline, sqlite3, ssl, uuid, zlib"),
    (PYTHON, "-m", "ensurepip", "--default-pip"),
)


class BaseImage(Service):
    """The base image as a service; `down` leaves it."""

    name = "base"

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.state / "base-image"
        self.log = self.folder / "debootstrap.log"

    def up(self) -> Report:
        """Pull the image, or make one of its name, unless the engine holds it."""
        if engine.refusal():
            return Report(self.name, IMAGE, "needs the engine", up=False)
        if engine.has_image(IMAGE):
            return Report(self.name, IMAGE, "already present", up=True)
        print(f"base: pulling {IMAGE}", flush=True)
        try:
            engine.pull(IMAGE)
        except ServiceError as error:
            if not apt.may_install() or platform.freedesktop_os_release()["ID"] != "debian":
                raise
            print(f"base: cannot pull ({error})", flush=True)
            self._make()
            return Report(self.name, IMAGE, "made here", up=True, log=self.log)
        return Report(self.name, IMAGE, "pulled", up=True)

    def status(self) -> Report:
        up = engine.refusal() is None and engine.has_image(IMAGE)
        return Report(self.name, IMAGE, "present" if up else "absent", up=up)

    def _make(self) -> None:
        common.private_folder(self.folder)
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
        copy_python(Path(sys.base_prefix), root / "usr" / "local")
        for command in SETUP:
            self._run(["chroot", str(root), "env", "-i", f"PATH={PATH}", *command])
        for compiled in list((root / "usr" / "local").rglob("__pycache__")):
            shutil.rmtree(compiled)
        _load(root)
        self._remove(root)

    def _run(self, command: list[str]) -> None:
        if not apt.run_logged(command, self.log, self.folder):
            raise ServiceError(
                f"{command[0]} must succeed, to make {IMAGE}."
                f" Received: {common.last_line(self.log)!r}. Try: read {self.log}"
            )

    def _remove(self, root: Path) -> None:
        # A debootstrap that was killed leaves its /proc mounted in there.
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        for point in (line.split()[1] for line in reversed(mounts)):
            if point.startswith(f"{root}/"):
                self._run(["umount", point])
        self._run(["rm", "-rf", "--one-file-system", str(root)])


def copy_python(prefix: Path, target: Path) -> None:
    """Copy the CPython of a prefix, which may be /usr, to /usr/local of the new root."""
    for folder in ("bin", "lib", "include"):
        (target / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy2((prefix / "bin" / PYTHON).resolve(), target / "bin" / PYTHON)
    for name in ("python", "python3"):
        (target / "bin" / name).symlink_to(PYTHON)
    for folder in ("lib", "include"):
        source = prefix / folder / PYTHON
        shutil.copytree(source, target / folder / PYTHON, symlinks=True, ignore=NEEDLESS_OF_PYTHON)
    (target / "lib" / PYTHON / "site-packages").mkdir()
    for library in (prefix / "lib").glob("libpython3*.so*"):
        shutil.copy2(library, target / "lib" / library.name, follow_symlinks=False)


def _load(root: Path) -> None:
    repository, _, tag = IMAGE.partition(":")
    pack = ["tar", "--numeric-owner", "--one-file-system", "-C", str(root), "-c", "."]
    with (
        subprocess.Popen(pack, stdout=subprocess.PIPE) as packer,
        engine.connect(timeout=300) as client,
    ):
        client.api.import_image(packer.stdout, repository, tag, changes=CHANGES, stream_src=True)
    if packer.returncode or not engine.has_image(IMAGE):
        raise ServiceError(f"Docker Engine must take {IMAGE} from tar. Try: docker image ls")
