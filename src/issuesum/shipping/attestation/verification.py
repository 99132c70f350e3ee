"""All that can be checked of an image and its attestations, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from securesystemslib.signer import Key

from issuesum.errors import ArtifactError, ParamsError
from issuesum.lineage.provenance.model import Exported
from issuesum.lineage.receipt import Receipt
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage
from issuesum.shipping.attestation import checks, subject
from issuesum.shipping.attestation.attached import attached
from issuesum.shipping.attestation.distributions import Distribution


@dataclass(frozen=True)
class Check:
    """What came of a check.

    Attributes:
        name: what was checked.
        state: of the three, only `failed` makes an image one that does not verify.
        detail: what was compared, what is wrong, or why nothing was checked.
    """

    name: str
    state: Literal["ok", "failed", "not checked"]
    detail: str


@dataclass(frozen=True)
class Given:
    """What an image is checked against.

    Attributes:
        tag: by which it was asked for, or None.
        receipt: likewise.
        keys: public ones; none leave signatures unchecked.
        listed: what is installed in the image, if known.
        root: of the repository, or None.
    """

    tag: str | None = None
    receipt: Receipt | None = None
    keys: Sequence[Key] = ()
    listed: Sequence[Distribution] | None = None
    root: Path | None = None


def verify(registry: Registry, image: RemoteImage, content: bytes, given: Given) -> list[Check]:
    """Check an image; what is wrong with one thing keeps nothing else from being checked.

    Args:
        registry: that holds the image.
        image: what `read_image` returned.
        content: of its /app/provenance.json, a JSON object.
        given: what to compare with.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
        RepositoryError: Git cannot read the repository.
    """
    reference, receipt, root = image.reference, given.receipt, given.root
    exported = partial(Exported.parse, content, str(reference))
    held = attached(registry, reference)
    listed = "components = what is installed" if given.listed is not None else "without --deep"
    return [
        _check("digest", "manifest has the digest", lambda: subject.wrong_digest(registry, image)),
        _check(
            "labels",
            "labels = /app/provenance.json",
            lambda: subject.wrong_labels(image, content),
        ),
        _check("tag", "tag = commit and bundle", lambda: subject.wrong_tag(given.tag, exported())),
        _check(
            "attestations",
            f"{len(held)} attached, readable",
            lambda: checks.unreadable(held),
        ),
        _check(
            "slsa",
            "subject = digest, predicate = /app/provenance.json",
            lambda: checks.wrong_provenance(held, reference, exported()),
        ),
        _check(
            "sbom",
            f"subject = digest, {listed}",
            lambda: checks.wrong_bill(held, reference, given.listed),
        ),
        _check(
            "signatures",
            "all by a key given",
            lambda: checks.wrong_signature(held, list(given.keys)),
        )
        if given.keys
        else Check("signatures", "not checked", "no public key (--key, ISSUESUM_VERIFY_KEY)"),
        _check(
            "receipt",
            "tag not moved",
            lambda: subject.wrong_receipt(receipt, registry, image, exported()),
        )
        if receipt
        else Check("receipt", "not checked", "the image was not asked for by a receipt"),
        *(
            (
                _check("commit", "is in Git here", lambda: subject.wrong_commit(root, exported())),
                _check(
                    "lock", "hashes in a dvc.lock", lambda: subject.wrong_lock(root, exported())
                ),
            )
            if root
            else (Check("commit", "not checked", "no repository of DVC here"),)
        ),
    ]


def _check(name: str, compared: str, wrong: Callable[[], str | None]) -> Check:
    try:
        detail = wrong()
    except (KeyError, TypeError, ValueError, AttributeError, ArtifactError, ParamsError) as error:
        # What is compared comes from outside, and may be of any form.
        detail = f"/app/provenance.json is not ours: {type(error).__name__} {error}"
    return Check(name, "failed", detail) if detail else Check(name, "ok", compared)
