"""From what a person holds to all that is known of its making, whatever its age."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError, EngineError, RegistryError, RepositoryError
from issuesum.lineage.dvc import recorded_items
from issuesum.lineage.provenance.artefacts import artefacts_of
from issuesum.lineage.provenance.bundles import provenance_of
from issuesum.lineage.provenance.lookup import DIGEST, look_up, parse_provenance
from issuesum.registry.labels import differences, labels_of

_IMAGE_ID = re.compile(r"[0-9a-f]{12,64}")
_TEXTS = (
    "git", "dvc", "commit", "message", "author", "committed", "source", "created", "user",
    "requirements", "lock",
)  # fmt: skip
_TABLES = ("hashes", "params", "changed_params", "metrics", "tools", "patch", "remote")


type ReadLocal = Callable[[str], tuple[dict[str, Any], bytes]]
"""From an image id to what `docker image inspect` says and the bytes of /app/provenance.json."""


@dataclass(frozen=True)
class Image:
    """What a registry, or the engine, says of an image.

    Attributes:
        reference: registry/name@sha256:…, or the engine's id.
        digest: of the manifest, or the engine's id.
        size: bytes, compressed in a registry and unpacked in an engine.
        labels: OCI labels.
        disagreements: one line for each label that is not what the provenance says.
    """

    reference: str
    digest: str
    size: int
    labels: dict[str, str] = field(repr=False)
    disagreements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """An image, or a bundle without one, and where it comes from.

    Attributes:
        provenance: with all keys of format 2; None stands for what is not known.
        image: None for a bundle.
    """

    provenance: dict[str, Any]
    image: Image | None


def trace(text: str | None, *, default: str | None, read_local: ReadLocal) -> Trace:
    """Find out where an image or a bundle comes from.

    Args:
        text: what `lookup.look_up` takes, an image id of this machine's Docker Engine (asked only
            then, and for a digest that the registry does not have), or the folder of a bundle.
        default: registry/name, where a tag or a digest alone is looked up; None if unknown.
        read_local: asks the engine.

    Raises:
        IssuesumError: it is not found, or is not what it seems.
    """
    if text and Path(text).is_dir():
        return Trace(completed(provenance_of(Path(text))), None)
    if text and _IMAGE_ID.fullmatch(text):
        return _of_engine(text, read_local)
    try:
        found = look_up(text, default=default)
    except RegistryError as refused:
        if not (text and DIGEST.fullmatch(text)):
            raise
        try:
            return _of_engine(text, read_local)
        except (EngineError, ArtifactError):
            raise refused from None
    reference = found.image.reference
    image = Image(
        reference=str(reference),
        digest=str(reference.digest),
        size=found.image.size,
        labels=found.image.labels,
        disagreements=_compare(found.content, found.image.labels),
    )
    return Trace(completed(found.provenance), image)


def completed(provenance: dict[str, Any]) -> dict[str, Any]:
    """Return a provenance of any format with the keys of format 2.

    What is missing, or is not of the right kind, is None; artefacts are then told by the lock.
    """
    known = dict.fromkeys((*_TEXTS, *_TABLES, "format", "image", "dirty")) | provenance
    known |= {key: None for key in _TEXTS if not isinstance(known[key], str)}
    known |= {key: None for key in _TABLES if not isinstance(known[key], dict)}
    listed = known.get("artefacts")
    listed = listed if isinstance(listed, list) else _told_by_lock(known)
    known["artefacts"] = [item for item in listed if isinstance(item, dict) and "name" in item]
    return known


def _told_by_lock(provenance: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        items = recorded_items(provenance["lock"] or "")
    except RepositoryError:
        return []
    return artefacts_of(items, bundle=(provenance["hashes"] or {}).get("bundle") or "", rows={})


def _of_engine(image_id: str, read_local: ReadLocal) -> Trace:
    known, content = read_local(image_id)
    labels = known["Config"].get("Labels") or {}
    image = Image(
        reference=known["Id"],
        digest=known["Id"],
        size=known["Size"],
        labels=labels,
        disagreements=_compare(content, labels),
    )
    return Trace(completed(parse_provenance(content, image_id)), image)


def _compare(content: bytes, labels: dict[str, str]) -> tuple[str, ...]:
    try:
        expected = labels_of(content)
    except (KeyError, TypeError, AttributeError):
        return ("the provenance lacks what every label is made of",)
    return tuple(
        f"label {name} is {value!r}, the provenance says {ours!r}"
        for name, value, ours in differences(expected, labels)
    )
