"""What a stage reads and writes, as it is now, by DVC's own hashing and its cache of hashes.

DVC hashes dependencies when a stage has ended. What was edited while it ran would stand in dvc.lock
beside the outputs of what was there before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from issuesum.errors import RepositoryError, one_line
from issuesum.lineage.dvc import Item

_NAMED = 5


@dataclass(frozen=True)
class Content:
    """A file or folder.

    Attributes:
        item: as DVC records it.
        files: the md5 of each file in a folder, by path; of a file, its own.
    """

    item: Item
    files: dict[str, str]


@dataclass(frozen=True)
class Inputs:
    """What a stage depends on, at one moment.

    Attributes:
        contents: of its dependencies that exist, by path.
        settings: its section of params.yaml and its entry of dvc.yaml, by where they stand.
        outs: the paths of its outputs.
    """

    contents: dict[str, Content] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    outs: tuple[str, ...] = ()


def read_inputs(stage: str, root: Path) -> Inputs | None:
    """Hash what dvc.yaml says that a stage depends on.

    Returns:
        None where `root` has no DVC repository, no dvc.yaml or no such stage in it.

    Raises:
        RepositoryError: dvc.yaml, params.yaml or DVC's own files cannot be read.
    """
    if not (root / ".dvc").is_dir() or not (root / "dvc.yaml").is_file():
        return None
    entry = (_load(root / "dvc.yaml").get("stages") or {}).get(stage)
    if not isinstance(entry, dict):
        return None
    params = _load(root / "params.yaml") if entry.get("params") else {}
    settings = {f"params.yaml ({name})": params.get(name) for name in entry.get("params") or ()}
    return Inputs(
        hash_all(entry.get("deps") or (), root),
        {**settings, f"dvc.yaml (stages.{stage})": entry},
        tuple(out if isinstance(out, str) else next(iter(out)) for out in entry.get("outs") or ()),
    )


def hash_all(paths: Iterable[str], root: Path) -> dict[str, Content]:
    """Hash files and folders as DVC does; what it knows of an unchanged file is not read again.

    Args:
        paths: relative to `root`, as in dvc.yaml; what does not exist is left out.
        root: of a DVC repository.

    Raises:
        RepositoryError: DVC cannot open the repository.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    found = {}
    try:
        with Repo(str(root)) as repo:
            for path in paths:
                try:
                    found[path] = _hash(repo, path)
                except OSError:  # absent, or replaced at this moment
                    continue
    except DvcException as error:
        raise RepositoryError(
            f"DVC must be able to hash the files of {root.resolve()}. Received: {one_line(error)}. "
            "Try: dvc status."
        ) from error
    return found


def check_unchanged(before: Inputs, stage: str, root: Path) -> None:
    """Make sure that a stage still depends on what it did.

    Raises:
        RepositoryError: it does not; the message names what changed.
    """
    after = read_inputs(stage, root) or Inputs()
    changed = [
        name for name in before.settings if before.settings[name] != after.settings.get(name)
    ]
    then, now = (
        {name: md5 for content in inputs.contents.values() for name, md5 in content.files.items()}
        for inputs in (before, after)
    )
    changed += sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    if changed:
        more = len(changed) - _NAMED
        names = ", ".join(changed[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
        raise RepositoryError(
            f"The dependencies of a stage must not change while it runs. Received: other content "
            f"of {names}. Try: dvc repro again."
        )


def _hash(repo: Any, path: str) -> Content:  # noqa: ANN401 -- dvc has no types
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.tree import Tree

    # Named as DVC names it: its cache of hashes has the path as the key.
    place = repo.fs.join(repo.root_dir, *Path(path).parts)
    _, meta, found = build(
        repo.cache.local, place, repo.fs, "md5", ignore=repo.dvcignore, dry_run=True
    )
    md5, size = str(found.hash_info.value), meta.size or 0
    if not isinstance(found, Tree):
        return Content(Item(md5, size), {path: md5})
    files = {"/".join((path, *key)): str(of_file.value) for key, _, of_file in found}
    return Content(Item(md5, size, len(files)), files)


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RepositoryError(
            f"{path} must be YAML in UTF-8. Received: {one_line(error)}. Try: mend that file."
        ) from error
    return content if isinstance(content, dict) else {}
