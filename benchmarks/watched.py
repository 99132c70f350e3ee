"""Commands that are timed, and whose memory is watched."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_PERIOD = 0.05


@dataclass(frozen=True)
class Watched:
    """What a command printed, its seconds, and the peak memory of it and its children."""

    output: str
    seconds: float
    peak_mb: float


def watch(*command: str, cwd: Path, env: Mapping[str, str]) -> Watched:
    """Run a command to its end; if it fails, end this process with what it said."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        peak = [0.0]
        watcher = threading.Thread(target=_note_peak, args=(psutil.Process(process.pid), peak))
        watcher.start()
        output, _ = process.communicate()
        seconds = time.perf_counter() - started
        watcher.join()
        if process.returncode:
            errors.seek(0)
            sys.exit(f"{' '.join(command)} failed\n{output}{errors.read()}")
    return Watched(output, seconds, peak[0])


def _note_peak(process: psutil.Process, peak: list[float]) -> None:
    """Note the largest sum of resident memory of a process and its children, in MB."""
    with suppress(psutil.NoSuchProcess):  # it ended while it was asked
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            total = 0
            for member in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    total += member.memory_info().rss
            peak[0] = max(peak[0], total / 1e6)
            time.sleep(_PERIOD)
