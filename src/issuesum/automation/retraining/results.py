"""What a run of the pipeline leaves in Git, and the commit that tells of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from issuesum.automation.retraining import commits
from issuesum.errors import RepositoryError
from issuesum.layout import DATA_PROFILE, RAW, RECEIPT
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.artefacts import rows_of
from issuesum.lineage.receipt import Receipt

LOCK, METRICS = "dvc.lock", "eval/metrics.json"
RESULTS = (LOCK, RECEIPT.as_posix(), METRICS, DATA_PROFILE.as_posix(), "eval/MODEL_CARD.md")


@dataclass(frozen=True)
class Scores:
    """ROUGE-L of the model, and of the one before.

    Attributes:
        rouge_l: points.
        rows: of the test side.
        before: points, None if nothing was committed.
    """

    rouge_l: float
    rows: int
    before: float | None

    def __str__(self) -> str:
        """Return it as the subject of a commit says it."""
        change = "" if self.before is None else f" ({self.rouge_l - self.before:+.2f})"
        return f"ROUGE-L {self.rouge_l:.2f}{change} on {self.rows:,} issues"


def uncommitted(root: Path) -> list[str]:
    """Return the results that are not in HEAD as they lie there."""
    status = git.run(root, "status", "--porcelain=v1", "-z", "--no-renames",
                     "--untracked-files=all", "--", *RESULTS)  # fmt: skip
    top = git.top(root) or root
    inside = [top / entry[3:] for entry in os.fsdecode(status).split("\0") if entry]
    return sorted(os.path.relpath(path, root.resolve()) for path in inside)


def commit(root: Path, paths: list[str], text: str | None) -> None:
    """Commit results with a message that tells their numbers.

    Args:
        root: of the repository.
        paths: what `uncommitted` found.
        text: the subject, if not the scores.
    """
    commits.commit(root, paths, message(root, text))


def is_results(root: Path, commit: str) -> bool:
    """Return whether a commit of ours changes results and nothing else."""
    try:
        if commits.MARK not in os.fsdecode(git.run(root, "log", "-1", "--format=%s", commit)):
            return False
        listed = git.run(root, "diff", "--name-only", "-z", f"{commit}^", commit)
        ours = git.run(root, "diff", "--name-only", "-z", f"{commit}^", commit, "--", *RESULTS)
    except RepositoryError:  # the first one
        return False
    return bool(listed) and listed == ours


def scores(root: Path, *, since: str = "HEAD") -> Scores | None:
    """Return the scores that lie there, beside those of a commit; None if there are none."""
    before = _scored(git.content_at(root, since, METRICS))
    path = root / METRICS
    now = _scored(path.read_text(encoding="utf-8") if path.is_file() else None)
    return Scores(now[0], now[1], before[0] if before else None) if now else None


def message(root: Path, text: str | None) -> str:
    """Return the message of a commit of what lies there.

    Args:
        root: of the repository.
        text: its subject, if not the scores.
    """
    found = scores(root)
    subject = text or f"Retrain: {found or 'no scores'}"
    return commits.unnoticed(subject) + "\n\n" + "\n".join(_body(root))


def _body(root: Path) -> Iterator[str]:
    receipt = Receipt.load(root / RECEIPT)
    yield f"Image: {receipt.image}"
    yield f"Digest: {receipt.digest}"
    lock = Lock.read(root)
    path = root / DATA_PROFILE
    rows = rows_of(lock, {DATA_PROFILE: path.read_bytes() if path.is_file() else None}).get("raw")
    counted = "" if rows is None else f", {rows:,} rows"
    yield f"Data: {lock.md5(RAW) or 'unknown'}{counted}"
    earlier = git.content_at(root, "HEAD", LOCK)
    old, new = Lock.parse(earlier).params if earlier else {}, lock.params
    for name in sorted(old.keys() | new.keys()) if earlier else ():
        if old.get(name) != new.get(name):
            yield f"Param: {name} from {old.get(name, 'nothing')} to {new.get(name, 'nothing')}"


def _scored(content: str | None) -> tuple[float, int] | None:
    try:
        values = json.loads(content or "")
        return float(values["model"]["rouge_l"]), int(values["test_rows"])
    except (ValueError, KeyError, TypeError):
        return None
