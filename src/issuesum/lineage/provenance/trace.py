"""From what a person holds to all that is known of its making, whatever its age."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError, EngineError, RegistryError, RepositoryError
from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.artefacts import artefacts_of
from issuesum.lineage.provenance.collect import of_bundle
from issuesum.lineage.provenance.lookup import DIGEST, OUR_TAG, look_up, reference_of
from issuesum.lineage.provenance.model import Artefact, Provenance
from issuesum.registry.labels import differences, labels_of
from issuesum.registry.reference import Reference, names_host


@dataclass(frozen=True)
class Image:
    """What a registry, or the engine, says of an image."""

    reference: str  # registry/name@sha256:…, or the engine's id
    digest: str  # of the manifest, or the engine's id
    size: int  # bytes, compressed in a registry and unpacked in an engine
    labels: dict[str, str] = field(repr=False)  # of OCI
    disagreements: tuple[str, ...] = ()  # a line for each label that the provenance contradicts


@dataclass(frozen=True)
class Trace:
    """An image, or a bundle without one, and where it comes from."""

    provenance: Provenance
    image: Image | None  # None for a bundle

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
    read_local: Callable[[str], tuple[dict[str, Any], bytes] | None],
    defaults: Mapping[str, Any],
    attested: Callable[[Reference, Provenance], Provenance] = lambda _, known: known,
) -> Trace:
    """Find out where an image or a bundle comes from; an IssuesumError if it is not found.

    Args:
        text: what `look_up` takes, an image id of this machine's Docker Engine, NAME:TAG without a
            registry, or the folder of a bundle. The engine is asked for what a registry lacks.
        default: as of `look_up`.
        read_local: gives what `docker image inspect` says of a name or id, and the bytes of
            /app/provenance.json; None if the engine does not hold it.
        defaults: of the params, which those of a bundle are compared with.
        attested: completes a registry's image by what only its attestation says.
    """
    if text and Path(text).is_dir():
        return Trace(of_bundle(Path(text), defaults), None)
    if text and re.fullmatch(r"[0-9a-f]{12,64}", text):
        if local := read_local(text):
            return _of_engine(text, *local)
        raise ArtifactError(
            f"Docker Engine must hold the image {text}. Received: no such image. "
            "Try: docker images, or the image's tag."
        )
    known = text is None or OUR_TAG.fullmatch(text) or DIGEST.fullmatch(text) or names_host(text)
    if text and not (known or Path(text).is_file()):
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
    reference, held = found.image.reference, found.image
    image = Image(str(reference), str(reference.digest), held.size, held.labels)
    return _compared(attested(reference, found.provenance), found.content, image)


def _of_engine(name: str, known: dict[str, Any], content: bytes) -> Trace:
    labels = known["Config"].get("Labels") or {}
    image = Image(known["Id"], known["Id"], known["Size"], labels)
    return _compared(Provenance.parse(content, name), content, image)


def _compared(known: Provenance, content: bytes, image: Image) -> Trace:
    try:
        disagreements = tuple(
            f"label {name} is {value!r}, the provenance says {ours!r}"
            for name, value, ours in differences(image.labels, labels_of(content))
        )
    except (KeyError, TypeError, AttributeError):
        disagreements = ("the provenance lacks what every label is made of",)
    return Trace(completed(known), replace(image, disagreements=disagreements))


def completed(provenance: Provenance) -> Provenance:
    """Read the artefacts from the lock, where an older provenance does not list them."""
    if provenance.artefacts is not None:
        return provenance
    listed: tuple[Artefact, ...] = ()
    with suppress(RepositoryError):  # the lock is broken
        lock = Lock.parse(provenance.lock or "")
        listed = artefacts_of(lock, bundle=provenance.hashes.get("bundle"))
    return provenance.model_copy(update={"artefacts": listed})
