"""What a run leaves in Git: the commit of its results, and before it that of params."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from issuesum.automation.retraining.branch import MARK, commit
from issuesum.errors import ParamsError, RepositoryError, one_line
from issuesum.files import replacing_file
from issuesum.layout import DATA_PROFILE, LOCK, METRICS, PARAMS, RAW, RECEIPT
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.artefacts import rows_of
from issuesum.lineage.receipt import Receipt

_LOCK, _METRICS, _PARAMS = map(str, (LOCK, METRICS, PARAMS))
RESULTS = (_LOCK, str(RECEIPT), _METRICS, str(DATA_PROFILE), "eval/MODEL_CARD.md")


@dataclass(frozen=True)
class ScoreChange:
    """ROUGE-L of the model in points, of the one before if one was committed, and rows scored."""

    rouge_l: float
    rows: int
    before: float | None

    def __str__(self) -> str:
        """Return it as the subject of a commit shows it."""
        change = "" if self.before is None else f" ({self.rouge_l - self.before:+.2f})"
        return f"ROUGE-L {self.rouge_l:.2f}{change} on {self.rows:,} issues"


def scores(root: Path, *, since: str = "HEAD") -> ScoreChange | None:
    """Return the scores in the working tree and those of a commit; None if there are none."""
    before = _scored(git.content_at(root, since, _METRICS))
    path = root / METRICS
    now = _scored(path.read_text(encoding="utf-8") if path.is_file() else None)
    return ScoreChange(now[0], now[1], before[0] if before else None) if now else None


def _scored(content: str | None) -> tuple[float, int] | None:
    try:
        values = json.loads(content or "")
        return float(values["model"]["rouge_l"]), int(values["test_rows"])
    except (ValueError, KeyError, TypeError):
        return None


def uncommitted(root: Path) -> list[str]:
    """Return the results that differ from HEAD."""
    status = git.run(root, "status", "--porcelain=v1", "-z", "--no-renames",
                     "--untracked-files=all", "--", *RESULTS)  # fmt: skip
    top = git.top(root) or root
    inside = [top / entry[3:] for entry in os.fsdecode(status).split("\0") if entry]
    return sorted(os.path.relpath(path, root.resolve()) for path in inside)


def is_results(root: Path, commit: str) -> bool:
    """Return whether a commit of ours changes results and nothing else."""
    try:
        if MARK not in os.fsdecode(git.run(root, "log", "-1", "--format=%s", commit)):
            return False
        listed = git.run(root, "diff", "--name-only", "-z", f"{commit}^", commit)
        ours = git.run(root, "diff", "--name-only", "-z", f"{commit}^", commit, "--", *RESULTS)
    except RepositoryError:  # the first one
        return False
    return bool(listed) and listed == ours


def message(root: Path, text: str | None) -> str:
    """Return the message of a commit of the results in the working tree; a text replaces scores."""
    subject, newline, more = (text or f"Retrain: {scores(root) or 'no scores'}").partition("\n")
    if MARK not in subject + more:
        subject += f" {MARK}"
    return f"{subject}{newline}{more}\n\n" + "\n".join(_body(root))


def _body(root: Path) -> Iterator[str]:
    receipt = Receipt.load(root / RECEIPT)
    yield f"Image: {receipt.image}"
    yield f"Digest: {receipt.digest}"
    lock = Lock.read(root)
    path = root / DATA_PROFILE
    rows = rows_of(lock, {DATA_PROFILE: path.read_bytes() if path.is_file() else None}).get("raw")
    counted = "" if rows is None else f", {rows:,} rows"
    yield f"Data: {lock.md5(RAW) or 'unknown'}{counted}"
    if earlier := git.content_at(root, "HEAD", _LOCK):
        old, new = Lock.parse(earlier).params, lock.params
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                yield f"Param: {name} from {old.get(name, 'nothing')} to {new.get(name, 'nothing')}"


def commit_params(
    settings: Sequence[str], root: Path, *, check: Callable[[Path], object]
) -> str | None:
    """Set params and commit them, so that the commit that an image names holds them.

    A run that was killed in between is completed: params.yaml may hold what it is to hold.

    Args:
        settings: `section.name=value` each, the value in YAML.
        root: of the repository.
        check: raises ParamsError if a file does not hold params.

    Returns:
        The commit's subject, or None if HEAD has these values already.

    Raises:
        ParamsError: a setting names no param, or a value is wrong.
        RepositoryError: params.yaml has other changes that are not committed.
    """
    pairs = [_parse(setting) for setting in settings]
    if not pairs:
        return None
    before = git.content_at(root, "HEAD", _PARAMS)
    if before is None:
        raise ParamsError(f"{PARAMS} must be committed. Received: none in HEAD. Try: git add it.")
    after, path = with_values(before, pairs), root / PARAMS
    if not path.is_file() or path.read_text(encoding="utf-8") not in (before, after):
        raise RepositoryError(
            f"{PARAMS} must be as it is committed for params to be set. Received: other changes. "
            f"Try: git diff {PARAMS}, then git commit or git checkout {PARAMS}."
        )
    with replacing_file(path) as temporary:
        temporary.write_text(after, encoding="utf-8")
        check(temporary)
        temporary.chmod(path.stat().st_mode)
    if after == before:
        return None
    shown = (f"{name} to {yaml.safe_dump(value).split(chr(10))[0]}" for name, value in pairs)
    subject = f"Set {', '.join(shown)}"
    commit(root, [_PARAMS], subject)  # unmarked, or its `git revert` would start nothing
    return subject


def with_values(text: str, pairs: Sequence[tuple[str, Any]]) -> str:
    """Return YAML with other values for some dotted names, and the comments where they were.

    Raises:
        ParamsError: a name is none of a value in `text`.
    """
    from ruamel.yaml import YAML

    ruamel = YAML()
    ruamel.preserve_quotes, ruamel.width = True, 10_000
    content = ruamel.load(text)
    for name, value in pairs:
        *sections, key = name.split(".")
        section = content
        for part in sections:
            section = section.get(part) if isinstance(section, dict) else None
        if not isinstance(section, dict) or key not in section or isinstance(section[key], dict):
            raise ParamsError(
                f"--set must name a param of {PARAMS}. Received: {name}. "
                "Try: train.epochs=3, or another name of that file."
            )
        section[key] = value
    written = io.StringIO()
    ruamel.dump(content, written)
    return written.getvalue()


def _parse(setting: str) -> tuple[str, Any]:
    name, equals, text = setting.partition("=")
    if not (name and equals and text):
        raise ParamsError(f"--set must be PARAM=VALUE. Received: {setting}. Try: train.epochs=3.")
    try:
        return name, yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ParamsError(
            f"--set must have a YAML value. Received: {one_line(error)}. Try: train.epochs=3."
        ) from error
