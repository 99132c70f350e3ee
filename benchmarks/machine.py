"""The machine and the code that figures were taken with, without names of hosts or folders."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import psutil

from issuesum.automation.doctor.machine import nvidia_gpus
from issuesum.lineage import git

_PACKAGES = ("tensorflow", "tensorflow-cpu", "onnxruntime", "dvc")
_CPUINFO = Path("/proc/cpuinfo")
_DIGITS = 12


def describe() -> dict[str, str]:
    """Return what decides how long things take here, by name."""
    return {
        "CPU": f"{_cpu()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "GPU": _gpu(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "packages": ", ".join(_versions()),
    }


def commit(root: Path, *left_out: str) -> str:
    """Return the commit that is checked out, and `-dirty` if what is measured differs from it.

    Args:
        root: of the repository.
        left_out: paths that may differ, below it.

    Raises:
        RepositoryError: there is no Git repository or no commit.
    """
    paths = [*git.CODE, "benchmarks", *(f":(exclude){path}" for path in left_out)]
    changed = git.run(root, "status", "--porcelain", "--", *paths)
    return git.head(root)[:_DIGITS] + ("-dirty" if changed else "")


def _cpu() -> str:
    text = _CPUINFO.read_text(encoding="utf-8") if _CPUINFO.exists() else ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found.group(1) if found else platform.processor() or platform.machine()


def _gpu() -> str:
    return "; ".join((nvidia_gpus() or "none").splitlines())


def _versions() -> list[str]:
    found = []
    for name in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return found
