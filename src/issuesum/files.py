"""Outputs that appear whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

_PREFIX = ".issuesum-"  # what a killed process leaves is ignored by Git and DVC under this name
_check: ContextVar[Callable[[Path], None] | None] = ContextVar("check", default=None)


@contextmanager
def checking_before_replacing(check: Callable[[Path], None]) -> Iterator[None]:
    """Call `check` with every target in the block before it is replaced; it may raise."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


@contextmanager
def replacing_directory(target: Path, *, keep: bool = True) -> Iterator[Path]:
    """Give an empty folder that becomes `target` when the block ends without an error.

    The folder is next to `target`, so that the rename stays on one file system. Without `keep` it
    is dropped instead: of several processes that do the same, one writes `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=target.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
        if keep:
            _may_replace(target)
            if target.exists():
                shutil.rmtree(target)
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Give a path that becomes `target` when the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=target.parent) as folder:
        temporary = Path(folder) / target.name
        yield temporary
        _may_replace(target)
        temporary.replace(target)


def write_json(path: Path, content: Any) -> None:  # noqa: ANN401 -- whatever json accepts
    """Write `content` as indented JSON, atomically; key order is kept."""
    with replacing_file(path) as temporary:
        text = json.dumps(content, ensure_ascii=False, indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")


def _may_replace(target: Path) -> None:
    check = _check.get()
    if check:
        check(target)
