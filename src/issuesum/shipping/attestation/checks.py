"""Checks of the attestations of an image; each returns what is wrong, or None."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from securesystemslib.signer import Key

from issuesum.lineage.provenance.model import Exported
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.attached import BILL, Attached
from issuesum.shipping.attestation.distributions import Distribution
from issuesum.shipping.attestation.envelope import signed_by
from issuesum.shipping.attestation.statement import CYCLONEDX, SLSA, slsa


def wrong_provenance(
    held: Sequence[Attached], image: Reference, provenance: Exported
) -> str | None:
    """Check that each SLSA statement is of this image, and is what its provenance.json says."""
    statements = [one for one in held if one.kind == SLSA]
    if not statements:
        return "no SLSA statement is attached to this image"
    expected = slsa(image, provenance)["predicate"]
    for one in statements:
        if not one.is_about(image):
            return f"{one.digest} is about another image: {one.value.get('subject')}"
        differing = _difference(expected, one.value.get("predicate"))
        if differing:
            return f"{one.digest} disagrees with /app/provenance.json in {differing}"
    return None


def unreadable(held: Sequence[Attached]) -> str | None:
    """Check that what is attached is what its type says."""
    return next((f"{one.digest} cannot be read: {one.wrong}" for one in held if one.wrong), None)


def wrong_bill(
    held: Sequence[Attached], image: Reference, listed: Sequence[Distribution] | None
) -> str | None:
    """Check that each bill of materials is of this image and, if `listed`, what is in there."""
    bills = [one for one in held if one.kind == BILL]
    if not bills:
        return "no bill of materials is attached to this image"
    for one in bills:
        named = _path(one.value, "metadata", "component", "version")
        if named != image.digest:
            return f"{one.digest} is about another image: {named}"
        if listed is not None and (differing := _other_components(one.value, listed)):
            return f"{one.digest} does not list what is installed: {differing}"
    for one in held:
        if one.kind == CYCLONEDX and not one.is_about(image):
            return f"{one.digest} is about another image: {one.value.get('subject')}"
        predicate = one.value.get("predicate")
        if one.kind == CYCLONEDX and all(predicate != bill.value for bill in bills):
            return f"{one.digest} signs another bill of materials than the one attached"
    return None


def wrong_signature(held: Sequence[Attached], keys: list[Key]) -> str | None:
    """Check that every statement and every bill of materials is signed by one of the keys."""
    signed = [one for one in held if one.envelope and signed_by(one.envelope, keys)]
    bills = [one.value.get("predicate") for one in signed if one.kind == CYCLONEDX]
    for one in held:
        if one.kind == BILL:
            if one.value not in bills:
                return f"no key given signs the bill of materials {one.digest}"
        elif not one.envelope:
            return f"{one.digest} is not signed"
        elif one not in signed:
            return f"{one.digest} is signed by none of the keys given"
    return None if signed else "nothing is signed"


def _difference(expected: Any, found: Any, where: str = "predicate") -> str | None:  # noqa: ANN401 -- JSON
    """Return the first place where two values differ, say `predicate.runDetails.builder`."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted({*expected, *found}):
            inner = _difference(expected.get(name), found.get(name), f"{where}.{name}")
            if inner:
                return inner
        return None
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (mine, theirs) in enumerate(zip(expected, found, strict=True)):
            name = mine.get("name", number) if isinstance(mine, dict) else number
            inner = _difference(mine, theirs, f"{where}[{name}]")
            if inner:
                return inner
        return None
    return None if expected == found else where


def _other_components(bill: dict[str, Any], listed: Sequence[Distribution]) -> str | None:
    components = bill.get("components")
    if not isinstance(components, list):
        return "it has no components"
    named = {(_path(item, "name"), _path(item, "version")) for item in components}
    there = {(one.name, one.version) for one in listed}
    differing = [
        *(f"{name} {version} is not installed" for name, version in named - there),
        *(f"{name} {version} is not listed" for name, version in there - named),
    ]
    return "; ".join(sorted(differing)[:3]) or None


def _path(value: Any, *names: str) -> Any:  # noqa: ANN401 -- JSON
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
