"""The two files that DVC writes in place, put right where a kill cut them short."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from issuesum.files import replacing_file
from issuesum.lineage import git

_LOCK = "dvc.lock"
_USES = Path(".dvc/tmp/rwlock")
_LOOKS, _BETWEEN = 5, 0.1


def mend(root: Path) -> None:
    """Bring back dvc.lock as it is committed, and drop the list of who uses what, if broken.

    What a committed dvc.lock does not tell is run again, or taken from the run-cache.

    Args:
        root: of a repository in which no DVC command of ours is at work.
    """
    if _is_broken(root / _USES, _check_uses):
        (root / _USES).unlink(missing_ok=True)
    if not _is_broken(root / _LOCK, _check_lock):
        return
    committed = git.content_at(root, "HEAD", _LOCK)
    if committed is None:
        (root / _LOCK).unlink()
        return
    with replacing_file(root / _LOCK) as temporary:
        temporary.write_text(committed, encoding="utf-8")


def _is_broken(path: Path, check: Callable[[str], object]) -> bool:
    for look in range(_LOOKS):  # somebody's command that is writing it is done by the next one
        if look:
            time.sleep(_BETWEEN)
        try:
            check(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return False
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        return False
    return True


def _check_uses(text: str) -> None:
    """Raise ValueError of what no process can have written, or no process that lives."""
    uses: dict[str, dict[str, Any]] = json.loads(text)
    processes = [
        holder["pid"]
        for of_path in uses.values()
        for held in of_path.values()
        for holder in (held if isinstance(held, list) else [held])
        if holder
    ]
    if processes and not any(map(_lives, processes)):
        raise ValueError("all that are named are gone")


def _check_lock(text: str) -> None:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        stages = yaml.load(text, loader)["stages"]  # noqa: S506 -- it is a safe one
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    for stage in stages.values():
        for item in (*stage.get("deps", ()), *stage.get("outs", ())):
            item["path"], item["md5"]


def _lives(pid: int) -> bool:
    """Return whether a process is there and no zombie, which DVC would wait for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return Path("/proc/self").exists() is False  # not Linux: DVC looks itself
    return state != "Z"
