"""Outputs that appear whole or not at all."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError

_PREFIX = ".issuesum-"  # what a killed process leaves is ignored by Git and DVC under this name
_check: ContextVar[Callable[[Path], object]] = ContextVar("check", default=lambda _: None)


@contextmanager
def checking_before_replacing(check: Callable[[Path], None]) -> Iterator[None]:
    """Call `check` with every target in the block before it is replaced; it may raise."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def replaceable(target: Path) -> Path:
    """Return `target` or what it is a link to (ArtifactError: a mount point, or not there)."""
    folder = target.resolve() if target.is_symlink() else target
    if folder.is_mount():
        found = "a mount point"
    elif target.is_symlink() and not folder.parent.is_dir():
        found = f"a link into {folder.parent}, which is not there"
    else:
        return folder
    raise ArtifactError(
        f"{target} must be a folder that can be replaced, or a link to one. Received: {found}. "
        "Try: mount that disk elsewhere, and link to a folder of it."
    )


@contextmanager
def replacing_directory(target: Path, *, keep: bool = True) -> Iterator[Path]:
    """Give an empty folder that becomes `target` when the block ends without an error.

    The folder is next to `target`, so that the rename stays on one file system: where `target` is a
    link to a folder on another disk, there. Without `keep` it is dropped instead: of several
    processes that do the same, one writes `target`. If it cannot be replaced, an ArtifactError is
    raised before the block.
    """
    folder = replaceable(target)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder.parent))
    temporary.chmod(0o755)
    earlier = temporary.with_name(f"{temporary.name}.earlier")
    try:
        yield temporary
        if keep:
            _check.get()(target)
            # Two renames, so that a file that cannot be removed leaves no half of the earlier one.
            if folder.exists():
                folder.rename(earlier)
            temporary.rename(folder)
    finally:
        if earlier.exists() and not folder.exists():  # interrupted between the two
            earlier.rename(folder)
        for rest in (temporary, earlier):
            shutil.rmtree(rest, ignore_errors=True)


@contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Give a path that becomes `target` when the block ends without an error."""
    if target.is_relative_to("/dev"):  # it would be no device any more, nor a pipe of the shell's
        raise ArtifactError(f"{target} must be a file. Received: a device. Try: another name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=target.parent) as folder:
        temporary = Path(folder) / target.name
        yield temporary
        _check.get()(target)
        temporary.replace(target)


def write_json(path: Path, content: Any) -> None:  # noqa: ANN401 -- whatever json accepts
    """Write `content` as indented JSON, atomically; key order is kept."""
    with replacing_file(path) as temporary:
        text = json.dumps(content, ensure_ascii=False, indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")
