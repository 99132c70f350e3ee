"""Puts the CPython that runs into another root, without what an image does not need."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# config-* holds the static library and the Makefile that embedding needs.
NEEDLESS = shutil.ignore_patterns(
    "__pycache__", "site-packages", "test", "tests", "idle_test", "config-*", "*.a"
)
# Run in the new root. ensurepip writes scripts that name /usr/local/bin, not this machine's prefix.
# The imports fail if a shared library is missing, or wants a newer C library than the root's.
SETUP = (
    ("ldconfig",),
    (VERSION, "-c", "import bz2, ctypes, lzma, readline, sqlite3, ssl, uuid, zlib"),
    (VERSION, "-m", "ensurepip", "--default-pip"),
)


def copy(prefix: Path, target: Path) -> None:
    """Copy interpreter, standard library, headers and shared library.

    Only CPython's own names are taken: the prefix may be /usr.

    Args:
        prefix: where CPython is installed, `sys.base_prefix`.
        target: the `/usr/local` of the new root.
    """
    for folder in ("bin", "lib", "include"):
        (target / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy2((prefix / "bin" / VERSION).resolve(), target / "bin" / VERSION)
    for name in ("python", "python3"):
        (target / "bin" / name).symlink_to(VERSION)
    for folder in ("lib", "include"):
        shutil.copytree(
            prefix / folder / VERSION, target / folder / VERSION, symlinks=True, ignore=NEEDLESS
        )
    (target / "lib" / VERSION / "site-packages").mkdir()
    for library in (prefix / "lib").glob("libpython3*.so*"):
        shutil.copy2(library, target / "lib" / library.name, follow_symlinks=False)
