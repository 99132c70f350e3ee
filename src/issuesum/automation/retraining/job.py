"""One retraining, from what is stale to a commit on the branch; a killed one goes on when rerun."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from issuesum.automation.retraining import results
from issuesum.automation.retraining.branch import Branch, find_branch, is_ancestor, move
from issuesum.automation.retraining.lock import only_one
from issuesum.automation.retraining.mending import mend
from issuesum.automation.retraining.pipeline import Pipeline, say, warned
from issuesum.automation.retraining.settings import commit_settings
from issuesum.automation.retraining.stale import settle, stages_without_output, stale_stages
from issuesum.errors import GateError, RepositoryError
from issuesum.layout import RECEIPT, RUNS
from issuesum.lineage import git
from issuesum.lineage.receipt import Receipt

ROUNDS = 5
"""How often others may push first."""
_PAUSE = 2.0
_EXPORT = "export"
_DIRTY = "-dirty"


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes:
        remote: of Git.
        branch: to push to, None for that of HEAD.
        push: whether anything leaves the clone.
        settings: `PARAM=VALUE` each.
        message: subject of the commit, None for the scores.
    """

    remote: str = "origin"
    branch: str | None = None
    push: bool = True
    settings: tuple[str, ...] = ()
    message: str | None = None


@dataclass(frozen=True)
class Rules:
    """What only those know who read params.yaml.

    Attributes:
        check: raises ParamsError if a file does not hold params.
        registry: host[:port][/namespace] where images go now.
        report: writes what the change of the model since a commit means.
        card: writes the model card, which is committed.
    """

    check: Callable[[Path], object]
    registry: Callable[[], str]
    report: Callable[[str], object]
    card: Callable[[], object]


@dataclass(frozen=True)
class Outcome:
    """What was done.

    Attributes:
        stages: that were stale at first.
        receipt: of the image.
        scores: of its model.
        commit: HEAD, which records it.
        branch: that was pushed to, None if none was.
    """

    stages: tuple[str, ...]
    receipt: Receipt
    scores: results.Scores | None
    commit: str
    branch: Branch | None


def retrain(order: Order, rules: Rules, root: Path) -> Outcome | None:
    """Make what is stale, ship it, share it, commit it and push the commit.

    Returns:
        What was done, or None if there was nothing to do.

    Raises:
        GateError: the gate refuses the model: nothing is exported, committed or pushed.
        IssuesumError: anything else that fails; the same call then goes on from there.
    """
    with only_one(root) as held:
        branch = find_branch(root, order.remote, order.branch) if order.push else None
        subject = commit_settings(order.settings, root, check=rules.check)
        if subject:
            say(subject)
        _check_clean(root)
        mend(root)
        stale = stale_stages(root)
        if stale:  # outputs of an earlier commit, as after `git pull`, are nothing to do
            settle(root)
            stale = stale_stages(root)
        waiting = results.uncommitted(root) or (branch and branch.waits_for(*results.RESULTS))
        if not (stale or waiting or _why_export(root, rules)):
            return None
        before = git.head(root)
        if results.is_results(root, before):  # of a run that was killed before it could push
            before = f"{before}^" if waiting and not stale else before
        pipeline = Pipeline(root, held)
        return _Job(order, rules, root, branch, pipeline).run(tuple(stale), before)


@dataclass(frozen=True)
class _Job:
    order: Order
    rules: Rules
    root: Path
    branch: Branch | None
    pipeline: Pipeline

    def run(self, stale: tuple[str, ...], before: str) -> Outcome:
        shown = results.scores(self.root, since=before)
        for number in range(ROUNDS):
            if number:
                time.sleep(random.uniform(0, _PAUSE))  # noqa: S311 -- only apart from others
            self._make(before)
            self._report(before)
            warned(self.rules.card, "there is no model card")
            shown = results.scores(self.root, since=before)
            if self.branch:
                self.pipeline.share()
                warned(self._exchange, "the records of these runs are not shared")
            if paths := results.uncommitted(self.root):
                results.commit(self.root, paths, self.order.message)
            if self.branch is None or self.branch.push():
                head = git.head(self.root)
                receipt = Receipt.load(self.root / RECEIPT)
                return Outcome(stale, receipt, shown, head, self.branch)
            say(f"others have pushed to {self.branch.name}: catching up")
            self._catch_up(self.branch)
        assert self.branch  # noqa: S101 -- without one the first round is the last
        raise RepositoryError(
            f"{self.branch.name} of {self.branch.remote} must stay as it is for a while. "
            f"Received: others pushed first, {ROUNDS} times. Try: the same again later."
        )

    def _make(self, before: str) -> None:
        """Bring workspace, image and receipt to what HEAD says."""
        settle(self.root)
        try:
            if stale_stages(self.root):
                self.pipeline.reproduce()
            for stage in stages_without_output(self.root):
                self.pipeline.force(stage)
            if why := _why_export(self.root, self.rules):
                say(f"exporting again: {why}")
                self.pipeline.force(_EXPORT)
        except GateError:
            self._report(before)
            if self.branch:  # what was refused need not be trained again elsewhere to be refused
                warned(self.pipeline.share, "what was made is not shared")
                warned(self._exchange, "the records of these runs are not shared")
            raise

    def _report(self, before: str) -> None:
        warned(lambda: self.rules.report(before), "there is no report")

    def _catch_up(self, branch: Branch) -> None:
        """Put our commits onto those of others; results that no longer fit are dropped."""
        head = git.head(self.root)
        ours = results.is_results(self.root, head)
        together = branch.onto_theirs(head)
        if together:
            move(self.root, together)
            settle(self.root)
            shipped = Receipt.load(self.root / RECEIPT).git
            if not stale_stages(self.root) and is_ancestor(self.root, shipped):
                return
        base = f"{head}^" if ours else head
        without = branch.onto_theirs(base)
        if without is None:
            move(self.root, head)
            raise RepositoryError(
                f"Your commits must go onto those of {branch.remote}/{branch.name}. Received: a "
                f"conflict; nothing was changed. Try: git rebase {branch.remote}/{branch.name}, "
                "then the same again."
            )
        move(self.root, without)

    def _exchange(self) -> None:
        from issuesum.lineage.runs.exchange import exchange

        exchange(self.root / RUNS, self.root)


def _check_clean(root: Path) -> None:
    changed = git.changed_files(root)
    if changed:
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        raise RepositoryError(
            "Code, params and data must be as they are committed, or the image would not say what "
            f"it was made from. Received: changes of {changed[0]}{more}. Try: git commit, or git "
            "stash."
        )


def _why_export(root: Path, rules: Rules) -> str | None:
    """Return why the image must be made again though nothing is stale; None if it need not."""
    from issuesum.registry.client import Registry
    from issuesum.registry.reference import Reference

    if not (root / RECEIPT).is_file():
        return f"there is no {RECEIPT}"
    receipt = Receipt.load(root / RECEIPT)
    if receipt.git.endswith(_DIRTY):
        return f"{receipt.image} was made from changes that were not committed"
    registry = rules.registry()
    if not receipt.image.startswith(f"{registry}/"):
        return f"{receipt.image} is not in {registry}"
    image = Reference.parse(receipt.image)
    if Registry(image.host).digest(image) != receipt.digest:
        return f"{registry} does not hold {receipt.image} as {receipt.digest}"
    return None
