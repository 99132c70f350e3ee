"""Disk, memory, cores and GPU."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from issuesum.automation.doctor.finding import Finding, note, ok

GB = 10**9
_BASE = 2 * GB
"""Models, checkpoints, bundle and records, whatever the data."""
_TIMES_RAW = 4
"""The raw file in the cache, and shards and ids (1.1 of it) in workspace and cache."""
_TEMPORARY = GB
_MEMORY = 2 * GB
_GPU = "name,memory.total,driver_version"
_NVIDIA_SECONDS = 5


def disk(root: Path, root_free: int, temporary: Path, temporary_free: int, raw: int) -> Finding:
    """Judge free space.

    Args:
        root: of the project.
        root_free: bytes free there.
        temporary: folder of temporary files.
        temporary_free: bytes free there.
        raw: bytes of the raw data.
    """
    needed = _BASE + _TIMES_RAW * raw
    found = f"{root_free / GB:.1f} GB free here, {temporary_free / GB:.1f} GB in {temporary}"
    if root_free < needed:
        return note(
            f"{found}; a run on {raw / GB:.2g} GB of issues may take {needed / GB:.1f} GB here",
            "dvc push, then dvc gc --all-commits (docs/operations.md), or free other space in "
            f"{root.resolve()}",
        )
    if temporary_free < _TEMPORARY:
        return note(f"{found}; export and predict write there", "free space there, or set TMPDIR")
    return ok(found)


def raw_bytes(root: Path, path: Path) -> int:
    """Return the size of the raw data, of what its .dvc file records if it is not here, or 0."""
    if (root / path).is_file():
        return (root / path).stat().st_size
    try:
        pointer = yaml.safe_load((root / f"{path}.dvc").read_text(encoding="utf-8"))
        return int(pointer["outs"][0]["size"])
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError):
        return 0


def memory(available: int, limit: int | None) -> Finding:
    """Judge free memory.

    Args:
        available: bytes that can be had without swapping.
        limit: bytes that this container may take, None for any number.
    """
    usable = min(available, limit) if limit else available
    found = f"{usable / GB:.1f} GB available" + (
        " (the container's limit)" if usable == limit else ""
    )
    if usable < _MEMORY:
        return note(
            f"{found}; preprocess and train may take {_MEMORY / GB:g} GB", "end other programs"
        )
    return ok(found)


def available_memory() -> int:
    """Return the bytes that this machine can give without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def memory_limit(file: Path = Path("/sys/fs/cgroup/memory.max")) -> int | None:
    """Return the bytes that the container may take, None for any number."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no control groups here, or `max`
        return None


def cores() -> int:
    """Return how many cores this process may use, by a container's limits too."""
    from dask.system import CPU_COUNT

    return int(CPU_COUNT)


def compute(cores: int, gpus: str | None, extra: str | None) -> Finding:
    """Judge what computes.

    Args:
        cores: that this process may use.
        gpus: a line each, None without a driver.
        extra: of the project, cpu or gpu, None if unknown.
    """
    shown = f"{cores} cores, "
    if gpus is None:
        if extra == "gpu":
            return note(
                f"{shown}no GPU driver (nvidia-smi), but the extra gpu is installed",
                "install the driver, or make setup",
            )
        return ok(f"{shown}no GPU driver (nvidia-smi): trains on the CPU")
    shown += "; ".join(gpus.splitlines())
    if extra != "gpu":
        return note(f"{shown}; not used without the extra gpu", "make setup EXTRA=gpu")
    return ok(shown)


def nvidia_gpus() -> str | None:
    """Return what nvidia-smi says of each GPU, None without one or without a driver."""
    command = ["nvidia-smi", f"--query-gpu={_GPU}", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_NVIDIA_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
