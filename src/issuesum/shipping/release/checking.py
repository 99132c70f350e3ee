"""Whether a version may be released: receipt, gate and image of its commit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from securesystemslib.signer import Key

from issuesum.errors import ArtifactError, GateError, VerificationError
from issuesum.layout import METRICS, RECEIPT
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance.lookup import look_up
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.registered import Registered, committed_receipt
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.verification import Given, verify

_LOCK = "dvc.lock"
_BUNDLE = "serving/bundle"
_ADVICE = "gto register at the commit that retraining made"


def checked_receipt(root: Path, found: Registered, keys: Sequence[Key]) -> Receipt:
    """Return the receipt of a version whose image may be released.

    Args:
        root: of the project.
        found: the version.
        keys: public ones that signatures are checked with; none leave them unchecked.

    Raises:
        ArtifactError: its commit has no receipt, or one of another bundle than its dvc.lock.
        GateError: the gate refused the model of that commit.
        RegistryError: the registry does not hold the image, is unreachable or refuses us.
        VerificationError: the image is not what it says.
    """
    receipt = committed_receipt(root, found.commit)
    if receipt is None:
        raise _unfit(found, f"hold {RECEIPT}", "none")
    _check_bundle(root, found, receipt)
    _check_gate(root, found)
    _check_image(root, receipt, keys)
    return receipt


def changed_since(root: Path, found: Registered, receipt: Receipt) -> list[str]:
    """Return what of code, params and data the commit has otherwise than its image was made from.

    Nothing can be said where the clone lacks the image's commit.
    """
    made_from = receipt.git.removesuffix("-dirty")
    if not git.has_commit(root, made_from):
        return []
    changed = git.run(root, "diff", "--name-only", made_from, found.commit, "--", *git.CODE)
    return os.fsdecode(changed).splitlines()


def _check_bundle(root: Path, found: Registered, receipt: Receipt) -> None:
    lock = git.content_at(root, found.commit, _LOCK)
    locked = (Lock.parse(lock).md5(_BUNDLE) if lock else None) or "none"
    if not locked.startswith(receipt.dvc):
        raise _unfit(
            found,
            f"hold {RECEIPT} and {_LOCK} of one bundle",
            f"{receipt.dvc} and {locked[:12]}",
        )


def _check_gate(root: Path, found: Registered) -> None:
    gate = Metrics.parse(git.content_at(root, found.commit, METRICS.as_posix())).gate
    if gate is None:
        raise _unfit(found, f"hold the gate's verdict in {METRICS}", "none")
    if not gate.passed:
        reasons = "; ".join(gate.reasons)
        raise GateError(
            f"{found.version} must have passed the gate. Received: {reasons}. Try: an earlier "
            "version (gto show issuesummarization)."
        )


def _check_image(root: Path, receipt: Receipt, keys: Sequence[Key]) -> None:
    image = look_up(receipt.pinned, default=None)
    reference = Reference.parse(receipt.image)
    given = Given(tag=reference.tag, receipt=receipt, keys=keys, root=root)
    done = verify(Registry(reference.host), image.image, image.content, given)
    failed = [f"{check.name}: {check.detail}" for check in done if check.state == "failed"]
    if failed:
        raise VerificationError(
            f"{receipt.image} must be what it says. Received: {'; '.join(failed)}. "
            f"Try: issuesum verify {receipt.pinned}."
        )


def _unfit(found: Registered, must: str, received: str) -> ArtifactError:
    return ArtifactError(
        f"The commit of {found.version} must {must}. "
        f"Received: {received} at {found.commit[:12]}. Try: {_ADVICE}."
    )
