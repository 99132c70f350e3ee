"""What DVC knows: the hash of a folder, the outputs that dvc.lock records, and params by its names.

Without a DVC repository, or where DVC fails, every function raises a RepositoryError.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from issuesum.errors import ArtifactError, RepositoryError, one_line
from issuesum.layout import LOCK, StageEntry, in_order, parse_yaml
from issuesum.lineage.git import without_secrets

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc_data.hashfile.meta import Meta
    from dvc_data.hashfile.obj import HashFile


@contextmanager
def open_repo(root: Path, must: str, advice: str) -> Iterator[Repo]:
    """Open the DVC repository that a folder is in, which logs nothing but errors.

    If DVC fails in the block, the error says what `must` hold.
    """
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.lock import LockError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        with Repo(str(root)) as repo:
            yield repo
    except NotDvcRepoError as error:
        raise RepositoryError(
            f"{root.resolve()} must be inside a DVC repository. Received: no .dvc folder. "
            "Try: run the command at the repository's root, or git init and dvc init."
        ) from error
    except DvcException as error:
        if isinstance(error, LockError):
            advice = "the same command again, when the other DVC command has ended"
        raise RepositoryError(f"{must}. Received: {one_line(error)}. Try: {advice}.") from error


def hashed(repo: Repo, path: str) -> tuple[Meta, HashFile]:
    """Hash a file or folder by DVC's own code, which knows of unchanged ones (OSError: absent)."""
    from dvc_data.hashfile.build import build

    local, ignore = repo.cache.local, repo.dvcignore
    _, meta, found = build(local, path, repo.fs, "md5", ignore=ignore, dry_run=True)
    return meta, found


def hash_of(path: Path, root: Path) -> str:
    """Return DVC's hash of a file or folder as it is now; ArtifactError if nothing is there."""
    if not path.exists():
        raise ArtifactError(f"{path} must exist. Received: nothing there. Try: dvc repro.")
    with open_repo(root, f"DVC must be able to hash {path}", "dvc status") as repo:
        return str(hashed(repo, str(path.resolve()))[1].hash_info.value)


def stored_file(root: Path, md5: str) -> Path:
    """Return where DVC's cache holds a file, which the default remote gives if need be."""
    from dvc_data.hashfile.hash_info import HashInfo

    must, reason = f"DVC must have {md5}", "it is in neither cache nor remote"
    advice = "dvc push in the clone that made it; the remote's address and your credentials"
    with open_repo(root, must, advice) as repo:
        cache = repo.cache.local
        try:
            if not cache.exists(md5):
                repo.cloud.pull([HashInfo("md5", md5)])
        except Exception as error:  # noqa: BLE001 -- each kind of remote has error classes of its own
            reason = one_line(error)
        if not cache.exists(md5):
            raise RepositoryError(f"{must}. Received: {reason}. Try: {advice}.")
        return Path(cache.oid_to_path(md5))


def md5_of(content: bytes) -> str:
    """Return the hash that DVC calls a file of this content by."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Item:
    """What DVC records of a file or folder."""

    md5: str  # of a file its bytes', of a folder that of its listing, with `.dir` at the end
    size: int | None = None  # bytes
    nfiles: int | None = None  # in a folder

    def as_locked(self) -> dict[str, str | int]:
        """Return what is known under the names of dvc.lock."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class LockedStage:
    """A stage's entry in dvc.lock: its dependencies and outputs by path, and its params."""

    deps: Mapping[str, Item]
    outs: Mapping[str, Item]
    params: Mapping[str, Any]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> LockedStage:
        """Read an entry; one of another kind raises KeyError, TypeError or AttributeError."""
        deps, outs = (
            {
                item["path"]: Item(str(item["md5"]), item.get("size"), item.get("nfiles"))
                for item in entry.get(kind) or ()
                if kind == "outs" or "md5" in item
            }
            for kind in ("deps", "outs")
        )
        files = (entry.get("params") or {}).values()
        params = {name: value for file in files for name, value in dotted(file).items()}
        return cls(deps, outs, params)


@dataclass(frozen=True)
class Lock:
    """dvc.lock: by which params and from what each stage made its outputs."""

    text: str
    stages: Mapping[str, LockedStage]  # by name, each after those that it depends on

    @classmethod
    def parse(cls, text: str) -> Lock:
        """Read the text of a dvc.lock; RepositoryError if it is broken."""
        try:
            content = parse_yaml(text)["stages"]
            stages = {name: LockedStage.of(entry) for name, entry in content.items()}
            entries = (
                StageEntry(name, tuple(stage.deps), tuple(stage.outs))
                for name, stage in stages.items()
            )
            return cls(text, {name: stages[name] for name in in_order(entries)})
        except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise _broken(error) from error

    @classmethod
    def read(cls, root: Path) -> Lock:
        """Read the dvc.lock of a project; RepositoryError if it is missing or broken."""
        try:
            return cls.parse((root / LOCK).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise _broken(error) from error

    @property
    def items(self) -> dict[str, Item]:
        """All that is recorded, by path; an output goes before what later stages saw of it."""
        deps = {path: item for stage in self.stages.values() for path, item in stage.deps.items()}
        outs = {path: item for stage in self.stages.values() for path, item in stage.outs.items()}
        return deps | outs

    @property
    def hashes(self) -> dict[str, str]:
        """The hash of all that is recorded, by path."""
        return {path: item.md5 for path, item in self.items.items()}

    @property
    def params(self) -> dict[str, Any]:
        """The params by which each stage was run, by dotted names."""
        return {name: value for of in self.stages.values() for name, value in of.params.items()}

    def md5(self, path: Path | str) -> str | None:
        """Return the hash of what is recorded under a path."""
        item = self.items.get(path if isinstance(path, str) else path.as_posix())
        return item.md5 if item else None


def cut_entry(text: str, stage: str) -> tuple[str, str]:
    """Return the text of a dvc.lock without the entry of a stage, and that entry, maybe empty."""
    found = re.search(rf"^  {stage}:\n(?:    .*\n?)*", text, re.MULTILINE)
    return (text.replace(found[0], "", 1), found[0]) if found else (text, "")


@dataclass(frozen=True)
class Change:
    """What was and what is; None is absent."""

    old: Any
    new: Any


def dotted(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted names, as `dvc exp run -S` takes them: `train.epochs`."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        found |= dotted(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


def params_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Change]:
    """Return what differs by dotted names, in the order of `old`, then what only `new` has."""
    before, after = dotted(old), dotted(new)
    return {
        name: Change(before.get(name), after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }


def default_remote(root: Path) -> dict[str, str | None] | None:
    """Return `url`, `endpointurl` and `region` of DVC's default remote, without secrets."""
    must = "DVC's configuration must be readable"
    with open_repo(root, must, "dvc config --list --show-origin") as repo:
        config = repo.config
    settings = config["remote"].get(config["core"].get("remote"))
    if not settings:
        return None
    known = {key: settings.get(key) for key in ("url", "endpointurl", "region")}
    return {key: without_secrets(str(value)) if value else None for key, value in known.items()}


def _broken(error: Exception) -> RepositoryError:
    received = type(error).__name__
    advice = "dvc repro" if isinstance(error, FileNotFoundError) else "git checkout dvc.lock"
    return RepositoryError(f"dvc.lock must be DVC's lock. Received: {received}. Try: {advice}.")
