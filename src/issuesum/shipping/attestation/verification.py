"""All that can be checked of an image; each `wrong_…` returns what is wrong, or None."""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error
from securesystemslib.signer import Key, SSlibKey

from issuesum.errors import ArtifactError, ParamsError, RepositoryError, one_line
from issuesum.layout import LOCK
from issuesum.lineage import git
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import FORMAT, Exported
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.tag import Version
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage
from issuesum.registry.labels import differences, labels_of
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.attachments import SBOM, Attached, attached
from issuesum.shipping.attestation.sbom import Distribution
from issuesum.shipping.attestation.statement import CYCLONEDX, SLSA, slsa_statement

_PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_INSTALLED = "components = what is installed"
_NOT_COMMITTED = "dvc.lock is not committed: git commit dvc.lock"


def public_keys(paths: Iterable[Path]) -> list[Key]:
    """Return the keys of PEM files, each of one or more (ParamsError: a file holds none)."""
    keys: list[Key] = []
    for path in paths:
        try:
            blocks = _PUBLIC.findall(path.read_bytes())
            if not blocks:
                raise ValueError("no public key in it")
            keys += [SSlibKey.from_crypto(load_pem_public_key(block)) for block in blocks]
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise ParamsError(
                f"{path} must hold public keys as PEM. Received: {one_line(error)}. "
                "Try: openssl pkey -in issuesum.pem -pubout -out issuesum.pub."
            ) from error
    return keys


@dataclass(frozen=True)
class Check:
    """The result of a check."""

    name: str
    state: Literal["ok", "failed", "not committed", "not checked"]
    detail: str  # what was compared, what is wrong or missing, or why nothing was checked


def verify(
    found: Found,
    *,
    tag: str | None = None,
    receipt: Receipt | None = None,
    keys: Sequence[Key] = (),
    listed: Sequence[Distribution] | None = None,
    root: Path | None = None,
) -> list[Check]:
    """Check an image; a failed check does not keep the others from being done.

    It was asked for by `tag` or by `receipt`, if by one of them. Signatures are checked if there
    are public `keys`, what is installed if it is `listed`, and commit and lock if there is a
    repository (RepositoryError: Git cannot read that).
    """
    image, content, ours = found.image, found.content, found.exported
    tag = Reference.parse(receipt.image).tag if receipt else tag
    reference = image.reference
    registry = Registry(reference.host)
    held = attached(registry, reference)
    slsa = "subject = digest, predicate = /app/provenance.json"
    unreadable = (f"{one.digest} cannot be read: {one.wrong}" for one in held if one.wrong)
    sbom = f"subject = digest, {'without --deep' if listed is None else _INSTALLED}"
    checks = [
        _check("digest", "manifest has the digest", lambda: _wrong_digest(registry, image)),
        _check("labels", "labels = /app/provenance.json", lambda: wrong_labels(image, content)),
        _check("tag", "tag = commit and bundle", lambda: wrong_tag(tag, ours())),
        _check("attestations", f"{len(held)} attached, readable", lambda: next(unreadable, None)),
        _check("slsa", slsa, lambda: wrong_provenance(held, reference, ours())),
        _check("sbom", sbom, lambda: wrong_sbom(held, reference, listed)),
        _check("signatures", "all by a key given", lambda: wrong_signature(held, keys))
        if keys
        else Check("signatures", "not checked", "no public key (--key, ISSUESUM_VERIFY_KEY)"),
        _check("receipt", "tag not moved", lambda: _wrong_receipt(receipt, registry, image, ours()))
        if receipt
        else Check("receipt", "not checked", "the image was not asked for by a receipt"),
    ]
    if root is None:
        return [*checks, Check("commit", "not checked", "no repository of DVC here")]
    return [
        *checks,
        _check("commit", "is in Git here", lambda: wrong_commit(root, ours())),
        _check("lock", "hashes in a dvc.lock", lambda: wrong_lock(root, ours())),
    ]


def _check(name: str, compared: str, wrong: Callable[[], str | None]) -> Check:
    try:
        detail = wrong()
    except (KeyError, TypeError, ValueError, AttributeError, ArtifactError, ParamsError) as error:
        # What is compared comes from outside, and may be of any form.
        detail = f"/app/provenance.json is not ours: {type(error).__name__} {error}"
    if detail == _NOT_COMMITTED:
        return Check(name, "not committed", detail)
    return Check(name, "failed", detail) if detail else Check(name, "ok", compared)


def _wrong_digest(registry: Registry, image: RemoteImage) -> str | None:
    given = registry.digest(image.reference)
    computed, _ = registry.manifest(image.reference)
    return None if given == computed else f"the registry gives {given}, its manifest has {computed}"


def wrong_labels(image: RemoteImage, content: bytes) -> str | None:
    """Check that the labels are those of /app/provenance.json, whose content is given."""
    for name, label, ours in differences(image.labels, labels_of(content), complete=True):
        return f"{name} is {label!r}, but by /app/provenance.json {ours!r}"
    return None


def wrong_tag(tag: str | None, provenance: Exported) -> str | None:
    """Check that commit and bundle make up the tag asked for, or else that of the provenance."""
    made_from = Version(provenance.commit, provenance.dirty, provenance.bundle)
    if (made_from.git, made_from.dvc) != (provenance.git, provenance.dvc):
        return f"/app/provenance.json contradicts itself: commit and bundle make {made_from.tag}"
    named = tag or Reference.parse(provenance.image).tag
    return None if named == made_from.tag else f"{named} holds the image {made_from.tag}"


def _wrong_receipt(
    receipt: Receipt, registry: Registry, image: RemoteImage, provenance: Exported
) -> str | None:
    if (receipt.git, receipt.dvc) != (provenance.git, provenance.dvc):
        return f"it names {receipt.git}-{receipt.dvc}"
    now = registry.digest(Reference.parse(receipt.image))
    if now != receipt.digest:
        return f"{receipt.image} is now {now or 'gone'}, not {receipt.digest}"
    return None if receipt.digest == image.reference.digest else f"it names {receipt.digest}"


def wrong_commit(root: Path, provenance: Exported) -> str | None:
    """Check that the repository has the commit."""
    if git.has_commit(root, provenance.commit):
        return None
    return f"no commit {provenance.commit} here (git fetch --all, or --unshallow)"


def wrong_lock(root: Path, provenance: Exported) -> str | None:
    """Check that one dvc.lock among all commits records every hash of the provenance."""
    hashes = {value for name, value in provenance.hashes.items() if value and name != "uv.lock"}
    lines = sorted(f"md5: {value}" for value in hashes)
    patterns = [word for line in lines for word in ("-e", line)]
    commits = git.run(root, "log", "--all", "--format=%H", "--", "dvc.lock").decode().split()
    with suppress(RepositoryError):  # git grep ends like that where nothing matches
        if commits:
            git.run(root, "grep", "-qF", "--all-match", *patterns, *commits, "--", "dvc.lock")
            return None
    here = root / LOCK
    if here.is_file() and all(line in here.read_text(encoding="utf-8") for line in lines):
        return _NOT_COMMITTED  # the image was exported by what lies here
    return "no commit here has a dvc.lock with these hashes (git fetch --all, or --unshallow)"


def wrong_provenance(
    found: Sequence[Attached], image: Reference, provenance: Exported
) -> str | None:
    """Check that each SLSA statement is of this image, and agrees with its provenance.json."""
    statements = [one for one in found if one.kind == SLSA]
    for one in statements:
        if not one.is_about(image):
            return f"{one.digest} is about another image: {one.value.get('subject')}"
        new = (provenance.format or 0) >= FORMAT
        metadata = _path(one.value, "predicate", "runDetails", "metadata") if new else None
        expected = slsa_statement(image, provenance, metadata)["predicate"]
        if differing := first_difference(expected, one.value.get("predicate")):
            return f"{one.digest} disagrees with /app/provenance.json in {differing}"
    return None if statements else "no SLSA statement is attached to this image"


def wrong_sbom(
    found: Sequence[Attached], image: Reference, listed: Sequence[Distribution] | None
) -> str | None:
    """Check that each SBOM is of this image and, if `listed`, what is in there."""
    sboms = [one for one in found if one.kind == SBOM]
    if not sboms:
        return "no SBOM is attached to this image"
    for one in sboms:
        named = _path(one.value, "metadata", "component", "version")
        if named != image.digest:
            return f"{one.digest} is about another image: {named}"
        if listed is not None and (differing := _other_components(one.value, listed)):
            return f"{one.digest} does not list what is installed: {differing}"
    for one in (one for one in found if one.kind == CYCLONEDX):
        if not one.is_about(image):
            return f"{one.digest} is about another image: {one.value.get('subject')}"
        if one.value.get("predicate") not in [sbom.value for sbom in sboms]:
            return f"{one.digest} signs another SBOM than the one attached"
    return None


def wrong_signature(found: Sequence[Attached], keys: Sequence[Key]) -> str | None:
    """Check that every statement and every SBOM is signed by one of the keys."""
    signed = [one for one in found if one.envelope and signed_by(one.envelope, keys)]
    sboms = [one.value.get("predicate") for one in signed if one.kind == CYCLONEDX]
    for one in found:
        if one.kind == SBOM:
            if one.value not in sboms:
                return f"no key given signs the SBOM {one.digest}"
        elif not one.envelope:
            return f"{one.digest} is not signed"
        elif one not in signed:
            return f"{one.digest} is signed by none of the keys given"
    return None if signed else "nothing is signed"


def signed_by(envelope: Envelope, keys: Sequence[Key]) -> bool:
    """Return whether one of the keys signed the envelope."""
    try:
        envelope.verify(list(keys), 1)
    except Error:
        return False
    return True


def first_difference(expected: Any, found: Any, where: str = "predicate") -> str | None:  # noqa: ANN401 -- JSON
    """Return the first place where two values differ, say `predicate.runDetails.builder`."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted({*expected, *found}):
            if wrong := first_difference(expected.get(name), found.get(name), f"{where}.{name}"):
                return wrong
        return None
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (mine, theirs) in enumerate(zip(expected, found, strict=True)):
            at = f"{where}[{_path(mine, 'name') or number}]"
            if wrong := first_difference(mine, theirs, at):
                return wrong
        return None
    return None if expected == found else where


def _other_components(sbom: dict[str, Any], listed: Sequence[Distribution]) -> str | None:
    components = sbom.get("components")
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
