"""Runs the unit tests of a module in a copy of the repository, where the module is a mutant."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

from mutation.modules import source_of, unit_tests

type Outcome = Literal["killed", "survived", "timeout"]

_MEMORY = 6 * 2**20
"""KiB of addresses that a process may have: an endless list must not take the whole machine."""
_NO_TESTS = (4, 5)
"""Exit codes of pytest: a usage error, nothing collected."""
_GRACE = 10.0
"""Seconds that tests may take on top of four times what they take without a mutant."""


class CheckError(Exception):
    """The check cannot be made. Says what must hold, what was found and what to do, on one line."""


def copy_tree(root: Path, target: Path) -> None:
    """Copy what Git tracks, as it lies there, and what it does not track and does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():  # not what was deleted and is still in the index
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)


class Workplace:
    """A copy of the repository in which one mutant after the other is tried."""

    def __init__(self, folder: Path) -> None:
        """Take a copy that `copy_tree` made."""
        self._folder = folder

    def baseline(self, module: str) -> float:
        """Return the seconds that the tests of a module take without a mutant.

        Raises:
            CheckError: they fail.
        """
        start = time.monotonic()
        code, said = self._run(unit_tests(module), limit=600)
        if code != 0:
            raise CheckError(
                f"The tests of {module} must pass without a mutant. Received: exit code {code}: "
                f"{said.strip().splitlines()[-1:]}. Try: pytest {' '.join(unit_tests(module))}."
            )
        return time.monotonic() - start

    def trial(self, module: str, code: str, baseline: float) -> Outcome:
        """Tell what the tests of a module say of it with other code.

        Raises:
            CheckError: they could not be run.
        """
        path = self._folder / source_of(module)
        kept = path.read_bytes()
        try:
            self._put(path, code.encode())
            result, said = self._run(unit_tests(module), limit=4 * baseline + _GRACE)
        finally:
            self._put(path, kept)
        if result in _NO_TESTS:
            raise CheckError(f"pytest must find the tests of {module}. Received: {said}.")
        if result is None:
            return "timeout"
        return "killed" if result else "survived"

    def _put(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        # Bytecode is told from its source by time and size, and two mutants may share both.
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)

    def _run(self, tests: list[str], limit: float) -> tuple[int | None, str]:
        """Run tests; return pytest's exit code, None if it took too long, and what it said."""
        with tempfile.TemporaryDirectory(prefix="mutant-") as scratch:
            command = [
                *("sh", "-c", f'ulimit -v {_MEMORY} 2>/dev/null; exec "$@"', "sh"),
                *(sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no"),
                *("-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin"),
                *("--hypothesis-seed=0", f"--basetemp={scratch}/tests"),
                *tests,
            ]
            environment = {
                **os.environ,
                "PYTHONPATH": str(self._folder / "src"),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # they take longer than most of the tests
                "HYPOTHESIS_STORAGE_DIRECTORY": f"{scratch}/hypothesis",
            }
            with subprocess.Popen(
                command, cwd=self._folder, env=environment, start_new_session=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            ) as process:  # fmt: skip
                try:
                    said, _ = process.communicate(timeout=limit)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    return None, ""
        return process.returncode, said
