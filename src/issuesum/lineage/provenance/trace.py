"""From what a person holds to all that is known of its making, whatever its age."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from issuesum.errors import ArtifactError, EngineError, RegistryError, RepositoryError
from issuesum.layout import BUNDLE, DATA_PROFILE, LOCK, METRICS, PARAMS
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock, default_remote, hash_of
from issuesum.lineage.git import earlier_versions
from issuesum.lineage.provenance.artefacts import (
    artefacts_of,
    hashes_of,
    rows_of,
    successful_runs,
)
from issuesum.lineage.provenance.collect import changed_params
from issuesum.lineage.provenance.lookup import DIGEST, OUR_TAG, look_up, reference_of
from issuesum.lineage.provenance.model import Provenance
from issuesum.registry.labels import differences, labels_of
from issuesum.registry.reference import Reference, names_host

_IMAGE_ID = re.compile(r"[0-9a-f]{12,64}")

type Attested = Callable[[Reference, Provenance], Provenance]
"""From an image and its provenance to the same with what only an attestation says."""
type ReadLocal = Callable[[str], tuple[dict[str, Any], bytes] | None]
"""From the name or id of an image to what `docker image inspect` says and the bytes of
/app/provenance.json; None if the engine does not hold it."""


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
        provenance: where it comes from.
        image: None for a bundle.
    """

    provenance: Provenance
    image: Image | None

    def as_json(self) -> dict[str, Any]:
        """Return all keys of a provenance, None for what is not known, and the image's."""
        known = self.provenance.model_dump(exclude_unset=True)
        return {
            "provenance": dict.fromkeys(Provenance.model_fields) | known,
            "image": asdict(self.image) if self.image else None,
        }


def trace(
    text: str | None,
    *,
    default: str | None,
    read_local: ReadLocal,
    defaults: Mapping[str, Any],
    attested: Attested = lambda _, known: known,
) -> Trace:
    """Find out where an image or a bundle comes from.

    Args:
        text: what `lookup.look_up` takes, an image id of this machine's Docker Engine, NAME:TAG
            without a registry, which the engine may hold, or the folder of a bundle. The engine is
            also asked for what a registry does not give.
        default: registry/name, where a tag or a digest alone is looked up; None if unknown.
        read_local: asks the engine.
        defaults: of the params, which those of a bundle are compared with.
        attested: completes the provenance of an image of a registry.

    Raises:
        IssuesumError: it is not found, or is not what it seems.
    """
    if text and Path(text).is_dir():
        return Trace(provenance_of(Path(text), defaults=defaults), None)
    if text and _IMAGE_ID.fullmatch(text):
        if local := read_local(text):
            return _of_engine(text, *local)
        raise ArtifactError(
            f"Docker Engine must hold the image {text}. Received: no such image. "
            "Try: docker images, or the image's tag."
        )
    if text and _names_no_registry(text):
        with suppress(EngineError):  # there is none
            if local := read_local(text):
                return _of_engine(text, *local)
    try:
        found = look_up(text, default=default)
    except RegistryError:
        name = text if text and DIGEST.fullmatch(text) else str(reference_of(text, default))
        with suppress(EngineError):
            if local := read_local(name):
                return _of_engine(name, *local)
        raise
    reference = found.image.reference
    image = Image(
        reference=str(reference),
        digest=str(reference.digest),
        size=found.image.size,
        labels=found.image.labels,
        disagreements=_compare(found.content, found.image.labels),
    )
    return Trace(completed(attested(reference, found.provenance)), image)


def _names_no_registry(text: str) -> bool:
    known = OUR_TAG.fullmatch(text) or DIGEST.fullmatch(text) or Path(text).is_file()
    return not (known or names_host(text))


def _of_engine(name: str, known: dict[str, Any], content: bytes) -> Trace:
    labels = known["Config"].get("Labels") or {}
    image = Image(
        reference=known["Id"],
        digest=known["Id"],
        size=known["Size"],
        labels=labels,
        disagreements=_compare(content, labels),
    )
    return Trace(completed(Provenance.parse(content, name)), image)


def completed(provenance: Provenance) -> Provenance:
    """Add the artefacts that the lock records, where an older provenance lists none."""
    if provenance.artefacts is not None:
        return provenance
    try:
        lock = Lock.parse(provenance.lock or "")
        artefacts = artefacts_of(lock, bundle=provenance.hashes.get("bundle"))
    except RepositoryError:  # it is broken
        artefacts = ()
    return provenance.model_copy(update={"artefacts": artefacts})


def _compare(content: bytes, labels: dict[str, str]) -> tuple[str, ...]:
    try:
        expected = labels_of(content)
    except (KeyError, TypeError, AttributeError):
        return ("the provenance lacks what every label is made of",)
    return tuple(
        f"label {name} is {value!r}, the provenance says {ours!r}"
        for name, value, ours in differences(labels, expected)
    )


def provenance_of(bundle: Path, *, defaults: Mapping[str, Any]) -> Provenance:
    """Return what the repository knows of a bundle.

    Of the commits whose dvc.lock has this bundle's hash the earliest counts: that is where it was
    made. Params and metrics are those of that commit.

    Args:
        bundle: a folder, inside a project or anywhere; then of the project in the working folder.
        defaults: of the params.

    Raises:
        ArtifactError: no commit knows the bundle.
        RepositoryError: there is no Git or DVC repository.
    """
    root = _project_of(bundle)
    hash_ = hash_of(bundle, root)
    commit, lock = _recorded(root, hash_)
    profile = git.file_at(root, commit, DATA_PROFILE.as_posix())
    params = yaml.safe_load(git.file_at(root, commit, PARAMS.as_posix()) or b"")
    return Provenance.model_validate(
        {
            "commit": commit,
            **git.describe(root, commit),
            "source": git.remote_url(root),
            "remote": default_remote(root),
            "dvc": hash_[:12],
            "hashes": {**hashes_of(lock), "bundle": hash_},
            "artefacts": artefacts_of(
                lock,
                bundle=hash_,
                rows=rows_of(lock, {DATA_PROFILE: profile}),
                made_by=successful_runs(root),
            ),
            "lock": lock.text,
            "params": params,
            "changed_params": (
                changed_params(params, defaults) if isinstance(params, dict) else None
            ),
            "metrics": json.loads(git.file_at(root, commit, METRICS.as_posix()) or b"null"),
        }
    )


def _project_of(bundle: Path) -> Path:
    above = bundle.resolve().parents
    return next((folder for folder in above if (folder / ".dvc").is_dir()), Path())


def _recorded(root: Path, bundle: str) -> tuple[str, Lock]:
    found = None
    for commit, text in earlier_versions(root / LOCK):  # the newest first
        if bundle not in text:
            continue
        try:
            lock = Lock.parse(text)
        except RepositoryError:  # a broken lock was committed once
            continue
        if lock.md5(BUNDLE) == bundle:
            found = commit, lock
    if found is None:
        raise ArtifactError(
            f"A commit must record the bundle in its dvc.lock. Received: none with {bundle}. "
            "Try: git commit dvc.lock after dvc repro, or git fetch --unshallow."
        )
    return found
