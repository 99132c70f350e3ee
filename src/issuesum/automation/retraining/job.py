"""One retraining, from what is stale to a commit on the branch; a killed one resumes when rerun."""

import fcntl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from issuesum.automation.retraining import results
from issuesum.automation.retraining.pipeline import (
    Pipeline,
    settle,
    stages_without_output,
    stale_stages,
)
from issuesum.automation.retraining.results import Branch, commit, drop_last, find_branch, follows
from issuesum.errors import GateError, RepositoryError, one_line, shortened
from issuesum.layout import EXPORT_STAGE, RECEIPT, RUNS
from issuesum.lineage import git
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.runs.record import exchange
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference

LOCK = Path(".issuesum/retrain.lock")


@dataclass(frozen=True)
class Hooks:
    """What needs params.yaml or the model."""

    check: Callable[[Path], object]  # raises ParamsError if a file does not hold params
    registry: Callable[[], str]  # host[:port][/namespace] where images go now
    report: Callable[[str], object]  # writes how the model changed since a commit
    card: Callable[[], object]  # writes the model card, which is committed
    check_builder: Callable[[], object]  # raises EngineError if no image could be made


@dataclass(frozen=True)
class Outcome:
    """What was done: the stages that were stale, and the results; no branch if none was pushed."""

    stages: tuple[str, ...]
    receipt: Receipt
    scores: results.ScoreChange | None
    commit: str
    branch: Branch | None


def retrain(
    hooks: Hooks, root: Path, *, remote: str = "origin", name: str | None = None, push: bool = True,
    settings: Sequence[str] = (), message: str | None = None,
) -> Outcome | None:  # fmt: skip
    """Make what is stale, ship it, share it, commit it and push the commit; None if nothing is.

    The branch `name` is pushed to, by default that of HEAD. `settings`, `PARAM=VALUE` each, are set
    and committed first. `message` is the subject of the commit, by default the scores. GateError:
    the gate refuses the model, and nothing is exported, committed or pushed; another
    IssuesumError: something failed, and the same call then resumes.
    """
    with only_one(root) as held:
        branch = find_branch(root, remote, name) if push else None
        if subject := results.commit_params(settings, root, check=hooks.check):
            _say(subject)
        _check_clean(root)
        stale = stale_stages(root)
        if stale:  # outputs of an earlier commit, as after `git pull`, are nothing to do
            settle(root)
            stale = stale_stages(root)
        waiting = results.uncommitted(root) or (branch and branch.waits_for(*results.RESULTS))
        if not (stale or waiting or _why_export(root, hooks)):
            return None
        before = git.head(root)
        if waiting and not stale and results.is_results(root, before):
            before += "^"  # of a run that was killed before it could push
        job = _Job(message, hooks, root, branch, Pipeline(root, held))
        return job.run(tuple(stale), before)


@dataclass(frozen=True)
class _Job:
    message: str | None
    hooks: Hooks
    root: Path
    branch: Branch | None
    pipeline: Pipeline

    def run(self, stale: tuple[str, ...], before: str) -> Outcome:
        for is_last in (False, True):
            self._make(before)
            self._report(before)
            _attempt(self.hooks.card, "there is no model card")
            scores = results.scores(self.root, since=before)
            if self.branch:
                self.pipeline.push("--run-cache")  # and what lets others skip the same runs
                self._share_records()
            if paths := results.uncommitted(self.root):
                commit(self.root, paths, results.message(self.root, self.message))
            if self.branch is None or self.branch.push():
                receipt = Receipt.load(self.root / RECEIPT)
                return Outcome(stale, receipt, scores, git.head(self.root), self.branch)
            if not is_last:
                _say(f"others have pushed to {self.branch.name}: catching up")
                self._catch_up(self.branch)
        raise RepositoryError(
            "The remote must take the results. Received: others pushed first, twice; nothing is "
            "lost. Try: the same again, which puts the results onto theirs."
        )

    def _make(self, before: str) -> None:
        """Bring workspace, image and receipt to what HEAD says."""
        settle(self.root)
        try:
            if stale_stages(self.root):
                self.hooks.check_builder()
                # Of what only the remote has, what the stale stages need is fetched.
                self.pipeline.repro("--pull", "--allow-missing")
            for stage in stages_without_output(self.root):
                self.pipeline.force(stage)
            if why := _why_export(self.root, self.hooks):
                _say(f"exporting again: {why}")
                self.pipeline.force(EXPORT_STAGE)
        except GateError:
            self._report(before)
            if self.branch:  # what was refused need not be trained again elsewhere to be refused
                share = partial(self.pipeline.push, "--run-cache")
                _attempt(share, "what was made is not shared")
                self._share_records()
            raise

    def _catch_up(self, branch: Branch) -> None:
        """Put our commits onto those of others; results that do not fit are dropped."""
        ours = results.is_results(self.root, git.head(self.root))
        if branch.rebase():
            settle(self.root)
            made = Receipt.load(self.root / RECEIPT)
            if ours and (stale_stages(self.root) or not follows(self.root, made.git)):
                _say(f"{made.image} is of a commit that no branch holds any more: making another")
                drop_last(self.root)
            return
        if ours:
            drop_last(self.root)
            branch.rebase()
        raise RepositoryError(
            f"Your commits must go onto those of {branch.remote}/{branch.name}. Received: a "
            "conflict; nothing is lost, and what was made is in DVC's cache. Try: the same again; "
            f"if it ends so too, git rebase {branch.remote}/{branch.name} first."
        )

    def _report(self, before: str) -> None:
        _attempt(lambda: self.hooks.report(before), "there is no report")

    def _share_records(self) -> None:
        records = self.root / RUNS
        _attempt(lambda: exchange(records, self.root), "the records of these runs are not shared")


@contextmanager
def only_one(root: Path) -> Iterator[int]:
    """Hold the clone's lock, and yield its descriptor; RepositoryError if another process holds it.

    The kernel drops the lock when the last process that has the descriptor ends: a pipeline that
    was handed it goes on holding the lock if this process is killed.
    """
    path = (root / LOCK).resolve()
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RepositoryError(
                f"One retraining at a time must run in {root.resolve()}. Received: another one, "
                f"which holds {path}. Try: the same again when that has ended."
            ) from error
        yield file.fileno()


def _check_clean(root: Path) -> None:
    if changed := git.changed_files(root):
        raise RepositoryError(
            "Code, params and data must be as they are committed, or nobody could make the image "
            f"again. Received: changes of {shortened(changed)}. Try: git commit, or git stash."
        )


def _why_export(root: Path, hooks: Hooks) -> str | None:
    """Return why the image must be made again though nothing is stale; None if it need not."""
    if not (root / RECEIPT).is_file():
        return f"there is no {RECEIPT}"
    receipt = Receipt.load(root / RECEIPT)
    if receipt.git.endswith("-dirty"):
        return f"{receipt.image} was made from changes that were not committed"
    registry = hooks.registry()
    if not receipt.image.startswith(f"{registry}/"):
        return f"{receipt.image} is not in {registry}"
    image = Reference.parse(receipt.image)
    if Registry(image.host).digest(image) != receipt.digest:
        return f"{registry} does not hold {receipt.image} as {receipt.digest}"
    return None


def _attempt(action: Callable[[], object], failed: str) -> None:
    """Do what is useful and not necessary: a failure is one line."""
    try:
        action()
    except Exception as error:  # noqa: BLE001 -- whatever it is, model and image are made
        _say(f"warning: {failed}: {one_line(error) or type(error).__name__}")


def _say(line: str) -> None:
    """Print what is done among DVC's own lines, which go there too."""
    tqdm.write(f"retrain: {line}", file=sys.stderr)
