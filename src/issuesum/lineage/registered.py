"""Which version of the model is in which stage, by the Git tags that GTO sets.

GTO orders tags by the second in which they were set. A version is a commit, of which the receipt
says what the image is. Where Git or GTO cannot read the tags, a RepositoryError is raised.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from issuesum import layout
from issuesum.errors import ArtifactError, ParamsError, RepositoryError, one_line
from issuesum.lineage import git
from issuesum.lineage.receipt import Receipt

LIVE = "ISSUESUM_LIVE"
STAGE = "prod"  # the stage of GTO whose version people have


@dataclass(frozen=True)
class Registered:
    """A version of the model."""

    version: str  # such as v1.2.0
    commit: str  # at which it is registered, 40 hex digits
    stage: str | None  # in which it is or was put, None if that was not asked for


@dataclass(frozen=True)
class Live:
    """An image as `look_up` takes it."""

    image: str
    dvc: str | None  # part of its tag, None if that is not known


def in_stage(root: Path, stage: str) -> Registered | None:
    """Return the version that is in a stage now, None if there is none; no network is needed."""
    name = _name(root)
    tags = f"refs/tags/{name.replace(':', '=')}#{stage}"
    # GTO takes a second, and most repositories have no such tags.
    if not git.run(root, "for-each-ref", "--count=1", tags, f"{tags}#*"):
        return None
    found = _shown(root, f"{name}#{stage}")
    return Registered(found[0]["version"], found[0]["commit_hexsha"], stage) if found else None


def of_tag(root: Path, tag: str) -> Registered:
    """Return the version that a tag, such as NAME@v1.2.0 or NAME#prod#3, is of.

    Raises:
        ParamsError: it is no such tag, or one that takes something back.
        RepositoryError: there is no such tag, or its version is registered no more.
    """
    from gto.constants import ACTION, NAME, STAGE, VERSION, Action
    from gto.tag import parse_name

    name, parts = _name(root), parse_name(tag, raise_on_fail=False)
    if parts.get(NAME) != name or parts.get(ACTION) not in (Action.REGISTER, Action.ASSIGN):
        raise ParamsError(
            f"TAG must register a version of {name} or put it in a stage. Received: {tag}. "
            f"Try: git tag --list '{name.replace(':', '=')}*'."
        )
    must = f"{tag} must be a tag of this repository"
    commit = git.commit_of(root, f"refs/tags/{tag}", must=must, advice="git fetch --tags")
    for found in _shown(root, name):
        if found["commit_hexsha"] == commit and parts.get(VERSION) in (None, found["version"]):
            return Registered(found["version"], commit, parts.get(STAGE))
    raise RepositoryError(
        f"{tag} must be of a version that is registered. Received: none at commit {commit[:12]}. "
        f"Try: gto show {name}."
    )


def live_image(root: Path) -> Live | None:
    """Return the image that is live, None if there is none; no registry is asked.

    ISSUESUM_LIVE names it, `none` says that there is none. Without it, it is the one in the receipt
    of the version that is in the stage `prod`, and where nothing is, of the last commit
    (ArtifactError: that receipt is broken, or the version has none).
    """
    if named := os.environ.get(LIVE, "").strip():
        return None if named.lower() == "none" else Live(named, None)
    released = in_stage(root, STAGE)
    receipt = committed_receipt(root, released.commit if released else "HEAD")
    if receipt is None and released:
        raise ArtifactError(
            f"The commit of {released.version}, which is in stage {STAGE}, must hold "
            f"{layout.RECEIPT}. Received: none at {released.commit[:12]}. Try: {LIVE}=none, and "
            "register the commit that retraining made."
        )
    return Live(receipt.pinned, receipt.dvc) if receipt else None


def committed_receipt(root: Path, commit: str) -> Receipt | None:
    """Return the receipt of a commit, None if that has none; an ArtifactError if it is broken."""
    path = layout.RECEIPT.as_posix()
    if not git.run(root, "ls-tree", commit, "--", path):
        return None
    content = git.run(root, "cat-file", "blob", f"{commit}:./{path}")
    which = "the last commit" if commit == "HEAD" else f"commit {commit[:12]}"
    advice = f"{LIVE}=none, and commit a receipt that export wrote"
    return Receipt.parse(content, f"{path} of {which} must name an image", advice=advice)


def _name(root: Path) -> str:
    folder = git.prefix(root).rstrip("/")
    return f"{folder}:{layout.NAME}" if folder else layout.NAME


def _shown(root: Path, name: str) -> list[dict[str, Any]]:
    from gto.api import show
    from gto.exceptions import GTOException
    from pydantic import ValidationError

    try:
        found: list[dict[str, Any]] = show(str(git.top(root)), name, registered_only=True)
    except (GTOException, ValidationError) as error:
        raise RepositoryError(
            f"The tags of {name} must be such as GTO sets. Received: {one_line(error)}. "
            f"Try: gto show {name}."
        ) from error
    return found
