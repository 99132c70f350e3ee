"""What DVC records about a data file, and replacing the file together with that record.

DVC's cache has the new file before either is replaced, and two renames replace both: a process that
is killed, or a disk that is full, leaves the old version or the new one, and the cache has both.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

from issuesum.errors import RepositoryError, one_line
from issuesum.files import replacing_file
from issuesum.lineage import git
from issuesum.lineage.dependencies import Content
from issuesum.lineage.dvc import hashed, open_repo, stored_file

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc_data.hashfile.obj import HashFile

_WORK = ".issuesum-ingest"  # ignored by Git and DVC; the next command removes what is left of it
_CONFLICT = "<<<<<<<"

Standing = Literal["nothing", "untracked", "absent", "current", "other version", "edited"]
"""How a data file compares with its .dvc file: no such file, no .dvc file, not pulled, equal,
another version that DVC or Git knows, or a content that neither knows."""


def standing(path: Path) -> Standing:
    """Return how a data file compares with its .dvc file."""
    with _repository(path) as repo:
        return _standing(repo, path, _recorded(repo, path))


@dataclass
class Update:
    """A data file that is replaced, while nobody else changes it."""

    repo: Repo
    path: Path
    recorded: str | None  # the md5 that its .dvc file had; None without one
    present: Path | None  # a file with the rows to append to; None if there is none
    md5: str = ""  # of the file when it has been replaced

    @contextmanager
    def replacing(self, target: Path) -> Iterator[Path]:
        """Give a path that becomes `target`, tracked by DVC, if the block ends without an error."""
        folder = target.absolute().parent / _WORK
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            made = folder / target.name
            yield made
            self._replace(made, folder / "linked")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _replace(self, made: Path, linked: Path) -> None:
        from dvc_data.hashfile.checkout import LinkError, checkout

        repo, path, size = self.repo, self.path.absolute(), made.stat().st_size
        found = _store(repo, made, hardlink=True)
        try:  # as a copy or as a link, whatever the cache is configured for
            checkout(str(linked), repo.fs, found, repo.cache.local, force=True)
        except LinkError as error:
            raise OSError("no room for a copy of it, or no permission") from error
        pointer = _pointer(path)
        if not pointer.exists():
            stage = repo.stage.create(
                single_stage=True, validate=False, force=True, fname=str(pointer),
                wdir=str(path.parent), outs=[path.name],
            )  # fmt: skip
            repo.check_graph([stage])
            stage.outs[0].ignore()
        self.md5 = str(found.hash_info.value)
        with replacing_file(pointer) as record:
            record.write_text(_record(pointer, self.md5, size), encoding="utf-8")
            linked.replace(path)
        # So that the index says what is meant, if these are earlier data again or a merge's.
        git.output(path.parent, "add", "--", pointer.name)


@contextmanager
def updating(
    path: Path, *, append: bool = False, force: bool = False, merging: bool = False
) -> Iterator[Update]:
    """Hold DVC's lock and give what replaces a data file, if nothing is lost by doing so.

    With `append` its rows are kept: those that its .dvc file records, if a pull brought others.
    With `force` the present content is not checked; `merging` goes on with conflict marks.

    Raises:
        RepositoryError: something would be lost, `path` is relative to another folder than the
            repository's root, a file has conflict marks, or another DVC command is at work.
    """
    from dvc.repo import lock_repo

    with _repository(path) as repo:
        root = Path(repo.root_dir)
        if root != Path.cwd() and not path.is_absolute():
            raise RepositoryError(
                f"The command must run at the root of the repository. Received: {Path.cwd()}. "
                f"Try: cd {root}, or an absolute --output."
            )
        with lock_repo(repo):
            known = None
            if not merging:
                known = _recorded(repo, path)
                repo.check_graph([])
            found = _standing(repo, path, known)
            if not force:
                _check_kept(repo, path, found, append=append)
            present = path if path.exists() else None
            if append and known and found == "other version":
                present = stored_file(root, known)
            yield Update(repo, path, known, present)


def _check_kept(repo: Repo, path: Path, found: Standing, *, append: bool) -> None:
    """Make sure that DVC has a copy of the present content, or keep one."""
    pointer = _pointer(path)
    if append and found == "absent":
        raise RepositoryError(
            f"{path} must be there for rows to be appended. Received: only {pointer}. "
            f"Try: dvc pull {path}."
        )
    if not path.exists() or repo.cache.local.exists(_hash(repo, path)):
        return
    if found not in ("edited", "untracked"):
        _store(repo, path)  # the cache was cleared: this is the only copy, so it is kept there
        return
    keep = f"dvc add {path} to keep it first"
    if append and found == "edited":  # its .dvc file may have come from somebody else
        keep = f"mv {path} edited.csv, dvc checkout {pointer}, issuesum ingest --append edited.csv"
    received = "other bytes" if found == "edited" else "a file that was never tracked"
    raise RepositoryError(
        f"{path} must be what {pointer} records before it is replaced. Received: {received}. "
        f"Try: {keep}, or --force."
    )


def sides(path: Path) -> tuple[str, str]:
    """Return the md5 that our side and that their side of a merge records of a data file."""
    pointer = _pointer(path)
    ours, theirs = (_md5_of(_staged(pointer, stage)) for stage in (2, 3))
    if not ours or not theirs:
        sort = "one side has removed it" if ours or theirs else "no conflict"
        raise RepositoryError(
            f"{pointer} must be in conflict, as git merge or git pull leave it. Received: {sort}. "
            f"Try: git status; without a conflict, dvc checkout {pointer}."
        )
    return ours, theirs


def check_current(contents: Mapping[str, Content], root: Path) -> None:
    """Raise a RepositoryError if a tracked file is another version than that in Git's index.

    After `git pull` of other data, DVC would take the file that is still there for a change, and
    has by now written its hash to the .dvc file, which gets Git's content back.
    """
    for path, content in contents.items():
        pointer = _pointer(Path(path)).as_posix()
        staged = _md5_of(_staged(root / pointer, 0)) if (root / pointer).is_file() else None
        if staged in (None, content.item.md5):
            continue
        if content.item.md5 in _committed(root, pointer):
            git.run(root, "checkout", "--", pointer)
            raise RepositoryError(
                f"{path} must be the version that {pointer} records in Git. Received: another "
                f"version, which Git knows as well. Try: dvc pull {pointer}; or, for the one that "
                f"is here, git checkout COMMIT -- {pointer}."
            )


def _standing(repo: Repo, path: Path, known: str | None) -> Standing:
    if not path.exists():
        return "absent" if known else "nothing"
    if known is None:
        return "untracked"
    present = _hash(repo, path)
    if present == known:
        return "current"
    pointer = _pointer(path.absolute()).relative_to(repo.root_dir).as_posix()
    if repo.cache.local.exists(present) or present in _committed(Path(repo.root_dir), pointer):
        return "other version"
    return "edited"


def _committed(root: Path, pointer: str) -> set[str | None]:
    try:
        return {_md5_of(content) for content in git.contents(root, pointer)}
    except RepositoryError:  # no Git, or no commit
        return set()


def _staged(pointer: Path, stage: int) -> str:
    """Return a .dvc file of Git's index: at stage 0, or in a conflict ours at 2, theirs at 3."""
    return git.output(pointer.parent, "show", f":{stage}:./{pointer.name}") or ""


def _md5_of(record: str | bytes) -> str | None:
    try:
        return str(yaml.safe_load(record)["outs"][0]["md5"])
    except (yaml.YAMLError, LookupError, TypeError):
        return None


def _hash(repo: Repo, path: Path) -> str:
    return str(hashed(repo, str(path.absolute()))[1].hash_info.value)


def _store(repo: Repo, file: Path, *, hardlink: bool = False) -> HashFile:
    """Put a file into DVC's cache, as a hard link if that is allowed: it is read-only then."""
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.transfer import transfer

    cache = repo.cache.local
    staging, _, found = build(cache, str(file.absolute()), repo.fs, "md5")
    transfer(staging, cache, {found.hash_info}, shallow=False, hardlink=hardlink)
    if not cache.exists(found.hash_info.value):
        raise OSError(f"DVC's cache does not take {file.name}")
    return found


def _record(pointer: Path, md5: str, size: int) -> str:
    """Return the content of a .dvc file; what its owner wrote into an earlier one stays."""
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    text = pointer.read_text(encoding="utf-8") if pointer.exists() else ""
    if _CONFLICT in text:
        text = _staged(pointer, 2)
    content = parse_yaml_for_update(text, str(pointer)) if text else {"outs": [{}]}
    content["outs"][0].update(md5=md5, size=size, hash="md5", path=pointer.stem)
    return str(dumps_yaml(content))


def _recorded(repo: Repo, path: Path) -> str | None:
    pointer = _pointer(path)
    if not pointer.exists():
        return None
    if _CONFLICT in pointer.read_text(encoding="utf-8", errors="replace"):
        raise RepositoryError(
            f"{pointer} must not have conflict marks. Received: two versions, as after git merge. "
            "Try: issuesum ingest --merge, which keeps the rows of both."
        )
    (output,) = repo.stage.load_one(str(pointer)).outs
    return str(output.hash_info.value)


def _pointer(path: Path) -> Path:
    return path.with_name(f"{path.name}.dvc")


@contextmanager
def _repository(path: Path) -> Iterator[Repo]:
    folder = path.absolute().parent
    while not folder.is_dir():
        folder = folder.parent
    git.top(folder)  # raises if it is another user's, before anything is read or written
    must = f"DVC must be able to keep {path}; nothing was changed"
    try:
        advice = "dvc status; after a merge with conflicts, see docs/data.md"
        with open_repo(folder, must, advice) as repo:
            yield repo
    except NotADirectoryError:  # no path of DVC's: the command line's own
        raise
    except (OSError, sqlite3.Error) as error:
        raise RepositoryError(
            f"{must}. Received: {one_line(error)}. "
            "Try: check free space and permissions, here and in DVC's cache."
        ) from error
