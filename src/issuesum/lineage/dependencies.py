"""What a stage reads and writes, as it is now, by DVC's own hashing and its cache of hashes.

DVC hashes dependencies when a stage has ended. What was edited while it ran would stand in dvc.lock
next to the outputs of what was there before. What cannot be read raises a RepositoryError.
"""

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from issuesum.errors import RepositoryError, shortened
from issuesum.layout import LOCKS, PIPELINE, read_stages
from issuesum.lineage.dvc import Item, hashed, open_repo


@dataclass(frozen=True)
class Content:
    """A file or folder."""

    item: Item  # as DVC records it
    files: dict[str, str]  # the md5 of each file in a folder, by path; of a file, its own


@dataclass(frozen=True)
class Inputs:
    """What a stage depends on, at one moment."""

    contents: dict[str, Content] = field(default_factory=dict)  # of what exists, by path
    settings: dict[str, Any] = field(default_factory=dict)  # in params.yaml and dvc.yaml
    outs: tuple[str, ...] = ()  # paths


def read_inputs(stage: str, root: Path, params: Mapping[str, Any]) -> Inputs | None:
    """Hash what a stage depends on, by dvc.yaml; None without a DVC repository or such a stage."""
    entry = read_stages(root).get(stage) if (root / ".dvc").is_dir() else None
    if entry is None:
        return None
    settings = {f"params.yaml ({name})": params.get(name) for name in entry.params}
    settings[f"{PIPELINE} (stages.{stage})"] = entry
    return Inputs(hash_all(entry.deps, root), settings, entry.outs)


def hash_all(paths: Iterable[str], root: Path) -> dict[str, Content]:
    """Hash files and folders as DVC does; what it knows of an unchanged file is not read again.

    The paths are relative to `root`, as in dvc.yaml; what does not exist is left out.
    """
    found = {}
    must = f"DVC must be able to hash the files of {root.resolve()}"
    with open_repo(root, must, "dvc status") as repo:
        for path in paths:
            # Named as DVC names it: its cache of hashes has the path as the key.
            whole = repo.fs.join(repo.root_dir, *Path(path).parts)
            with suppress(OSError):  # absent, or replaced at this moment
                meta, of = hashed(repo, whole)
                md5, size = str(of.hash_info.value), meta.size or 0
                files, item = {path: md5}, Item(md5, size)
                if isinstance(of, Iterable):  # a folder
                    files = {"/".join((path, *key)): str(each.value) for key, _, each in of}
                    item = Item(md5, size, len(files))
                found[path] = Content(item, files)
    return found


def check_unchanged(before: Inputs, stage: str, root: Path, params: Mapping[str, Any]) -> None:
    """Raise a RepositoryError that names what changed since `before` of what a stage depends on."""
    after = read_inputs(stage, root, params) or Inputs()
    changed = [name for name, value in before.settings.items() if value != after.settings.get(name)]
    then, now = (
        {file for content in inputs.contents.values() for file in content.files.items()}
        for inputs in (before, after)
    )
    changed += sorted({name for name, _ in then ^ now})
    if changed:
        raise RepositoryError(
            f"The dependencies of a stage must not change while it runs. Received: other content "
            f"of {shortened(changed, 5)}. Try: dvc repro again."
        )


def check_installed(stage: str, root: Path) -> None:
    """Raise a RepositoryError if other libraries are installed than locks/STAGE.txt lists."""
    lock = root / LOCKS / f"{stage}.txt"
    wanted = lock.read_text(encoding="utf-8").split() if lock.is_file() else []
    installed = {  # by the names of folders: importlib.metadata takes 100 ms
        name.lower().replace("_", "-").replace(".", "-"): version
        for folder in reversed(sys.path)
        for found in Path(folder).glob("*.dist-info")
        for name, _, version in (found.stem.partition("-"),)
    }
    wrong = []
    for name, _, version in (line.partition("==") for line in wanted):
        # TensorFlow has two flavours of one version, and either will do.
        found = installed.get(name) or installed.get(f"{name}-cpu")
        if found != version:
            wrong.append(f"{name} {found or 'missing'} ({version} locked)")
    if wrong:
        raise RepositoryError(
            f"The libraries of a stage must be those that {LOCKS}/{stage}.txt lists. Received: "
            f"{shortened(wrong, 5)}. Try: make setup; for new versions, make lock before."
        )
