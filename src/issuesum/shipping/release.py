"""Releasing a version that GTO registered: its checks, and manifests for Argo CD or Flux."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from securesystemslib.signer import Key

from issuesum.errors import (
    ArtifactError,
    GateError,
    ParamsError,
    RepositoryError,
    VerificationError,
)
from issuesum.layout import BUNDLE, LOCK, METRICS, RECEIPT
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance.lookup import look_up
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.registered import Registered, committed_receipt, in_stage, of_tag
from issuesum.shipping.attestation.verification import verify

_ATTEMPTS = 5  # how often others may push first


def wanted(root: Path, tag: str | None, stage: str | None, *, current: bool) -> Registered:
    """Return the version that a tag of GTO names, or the one that is in a stage now.

    With `current`, a tag whose version is not in its stage now is refused: a run for an earlier tag
    that comes late would undo the later one. ParamsError: not one of both is given, the tag is none
    of GTO, or only registers a version where one in a stage is needed; RepositoryError: there is no
    such tag, nothing is in the stage, or another version is.
    """
    if (tag is None) == (stage is None):
        received = "neither" if tag is None else "both"
        raise ParamsError(
            f"Give TAG or --stage. Received: {received}. Try: issuesum release --stage prod."
        )
    found = of_tag(root, tag) if tag else None
    if found and not current:
        return found
    stage = found.stage if found else stage
    assign = f"gto assign issuesummarization --version … --stage {stage or 'prod, then that tag'}"
    if stage is None:
        raise ParamsError(f"--push must have a version in a stage. Received: {tag}. Try: {assign}.")
    now = in_stage(root, stage)
    if now is None:
        raise RepositoryError(f"A version must be in stage {stage}. Received: none. Try: {assign}.")
    if found and now.commit != found.commit:
        raise RepositoryError(
            f"{tag} must be of the version in stage {stage} now. Received: {found.version}, "
            f"and {now.version} is there. Try: issuesum release --stage {stage} --push."
        )
    return now


def checked_receipt(root: Path, found: Registered, keys: Sequence[Key]) -> Receipt:
    """Return the receipt of a version whose image may be released.

    ArtifactError: its commit has no receipt, or one of another bundle than its dvc.lock; GateError:
    the gate refused its model; VerificationError: the image is not what it says; without `keys`,
    whoever signed it.
    """
    receipt = committed_receipt(root, found.commit)
    if receipt is None:
        raise _unfit(found, f"hold {RECEIPT}", "none")
    lock = git.content_at(root, found.commit, str(LOCK))
    locked = (Lock.parse(lock).md5(str(BUNDLE)) if lock else None) or "none"
    if not receipt.is_of(locked):
        must = f"hold {RECEIPT} and {LOCK} of one bundle"
        raise _unfit(found, must, f"{receipt.dvc} and {locked[:12]}")
    gate = Metrics.parse(git.content_at(root, found.commit, METRICS.as_posix())).gate
    if gate is None:
        raise _unfit(found, f"hold the gate's verdict in {METRICS}", "none")
    if not gate.passed:
        raise GateError(
            f"{found.version} must have passed the gate. Received: {'; '.join(gate.reasons)}. "
            "Try: an earlier version (gto show issuesummarization)."
        )
    image = look_up(receipt.pinned, default=None)
    done = verify(image, receipt=receipt, keys=keys, root=root)
    passed = ("ok", "not checked")
    failed = [f"{check.name}: {check.detail}" for check in done if check.state not in passed]
    if failed:
        raise VerificationError(
            f"{receipt.image} must be what it says. Received: {'; '.join(failed)}. "
            f"Try: issuesum verify {receipt.pinned}."
        )
    return receipt


def changed_since(root: Path, found: Registered, receipt: Receipt) -> list[str]:
    """Return the code, params and data that changed since the image's commit, if that is here."""
    made_from = receipt.git.removesuffix("-dirty")
    if not git.has_commit(root, made_from):
        return []
    changed = git.run(root, "diff", "--name-only", made_from, found.commit, "--", *git.CODE)
    return os.fsdecode(changed).splitlines()


def publish(
    root: Path, files: Sequence[Path], *, folder: str, message: str, remote: str, branch: str
) -> str | None:
    """Commit files to a folder of a branch of a remote, which is made if it is missing.

    Neither the working tree nor its index is touched, and other folders of the branch stay. Returns
    the commit, or None if the branch has the same bytes already. RepositoryError: the remote is
    unreachable, refuses us, or was pushed to again and again.
    """
    reference = f"refs/heads/{branch}"
    must = f"{remote} must take what is released to its branch {branch}"
    advice = "the same again; if it is refused, a token or key that may write to that branch"

    def ask(*arguments: str, **variables: str) -> str:
        done = git.run(root, *arguments, variables=variables, must=must, advice=advice)
        return os.fsdecode(done).strip()

    for attempt in range(1, _ATTEMPTS + 1):
        parents: list[str] = []
        if ask("ls-remote", remote, reference):
            ask("fetch", "--quiet", "--no-tags", remote, reference)
            parents = [ask("rev-parse", "FETCH_HEAD")]
        with tempfile.TemporaryDirectory(prefix="issuesum-") as place:
            index = {"GIT_INDEX_FILE": f"{place}/index"}
            ask("read-tree", *(parents or ["--empty"]), **index)
            for path in files:
                blob = ask("hash-object", "-w", "--no-filters", str(path.resolve()))
                entry = f"100644,{blob},{folder}/{path.name}"
                ask("update-index", "--add", "--cacheinfo", entry, **index)
            tree = ask("write-tree", **index)
        if parents and ask("rev-parse", f"{parents[0]}^{{tree}}") == tree:
            return None
        after = ["-p", *parents] if parents else []
        commit = ask("commit-tree", tree, *after, "-m", message, **git.who(root))
        try:
            ask("push", "--quiet", remote, f"{commit}:{reference}")
            break
        except RepositoryError:
            # A release of another stage was faster; ours goes after it.
            now = ask("ls-remote", remote, reference).partition("\t")[0]
            if attempt == _ATTEMPTS or now == "".join(parents):
                raise
    return commit


def _unfit(found: Registered, must: str, received: str) -> ArtifactError:
    return ArtifactError(
        f"The commit of {found.version} must {must}. Received: {received} at "
        f"{found.commit[:12]}. Try: gto register at the commit that retraining made."
    )
