"""Servers that outlive the command that started them."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_services import common
from local_services.common import ServiceError


def start_mark(pid: int) -> str | None:
    """Return a mark that no later process with the same id has; None if the process is gone.

    The wall clock may be set back, so on Linux it is ticks since boot, and the id of that boot.
    """
    boot = Path("/proc/sys/kernel/random/boot_id")
    if boot.exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The second field is the name in parentheses and may hold blanks; see proc(5).
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else f"{boot.read_text().strip()}:{fields[19]}"
    found = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or None


@dataclass(frozen=True)
class Daemon:
    """A server in its own session, with a log and a pid file in its folder."""

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        return self.log.with_suffix(".pid")

    def pid(self) -> int | None:
        """Return the process id while the process that was started lives."""
        record = common.read_json(self.pid_file)
        pid = int(record.get("pid", 0))
        return pid if pid and start_mark(pid) == record["mark"] else None

    def start(self, command: list[str], env: Mapping[str, str]) -> None:
        """Start the command, detached from this terminal."""
        with self.log.open("ab") as log:
            self.log.chmod(0o600)
            process = subprocess.Popen(
                command, cwd=self.folder, env=dict(env), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        mark = start_mark(process.pid) or "gone"
        common.write_json(self.pid_file, {"pid": process.pid, "mark": mark})
        process.returncode = 0  # outlives us on purpose; without this Popen warns when collected

    def stop(self, grace: float) -> bool:
        """Ask the process to end, after `grace` seconds kill it; return whether there was one."""
        pid = self.pid()
        for how, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10)):
            try:
                if self.pid() and pid:
                    os.kill(pid, how)
                    common.wait_until(lambda: self.pid() is None, patience)
            except PermissionError as error:
                raise ServiceError(
                    f"{self.name} (process {pid}) must belong to this user. Received: another."
                    " Try: tools/services down as that user"
                ) from error
        if self.pid():
            raise ServiceError(f"{self.name} (process {pid}) must end. It ignores SIGKILL.")
        self.pid_file.unlink(missing_ok=True)
        return pid is not None
