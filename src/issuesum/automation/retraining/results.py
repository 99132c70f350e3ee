"""What a run leaves in Git: commits of params and results, on a branch that others push to too."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.utils.hydra import apply_overrides

from issuesum.errors import ParamsError, RepositoryError, one_line
from issuesum.files import replacing_file
from issuesum.layout import DATA_PROFILE, LOCK, METRICS, MODEL_CARD, PARAMS, RAW, RECEIPT
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock, params_diff
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance.artefacts import rows_of
from issuesum.lineage.receipt import Receipt

_LOCK, _METRICS, _PARAMS = map(str, (LOCK, METRICS, PARAMS))
RESULTS = (_LOCK, str(RECEIPT), _METRICS, str(DATA_PROFILE), str(MODEL_CARD))
MARK = "[skip ci]"  # CI and the hook ignore commits whose subject has it


@dataclass(frozen=True)
class ScoreChange:
    """ROUGE-L in points and rows scored, of the model and of the last that was committed."""

    rouge_l: float
    rows: int
    before: float | None
    rows_before: int | None

    def __str__(self) -> str:
        """Return it as the subject of a commit shows it."""
        now, issues = f"ROUGE-L {self.rouge_l:.2f}", f"on {self.rows:,} issues"
        if self.before is None or self.rows_before is None:
            return f"{now} {issues}"
        if self.rows == self.rows_before:
            return f"{now} ({self.rouge_l - self.before:+.2f}) {issues}"
        return f"{now} {issues}, before {self.before:.2f} on {self.rows_before:,}"


def scores(root: Path, *, since: str = "HEAD") -> ScoreChange | None:
    """Return the scores in the working tree and those of a commit; None if there are none."""
    path = root / METRICS
    now = Metrics.parse(path.read_text(encoding="utf-8") if path.is_file() else None)
    before = Metrics.parse(git.content_at(root, since, _METRICS))
    reached, earlier = (each.scores.get("model", {}).get("rouge_l") for each in (now, before))
    if reached is None or now.test_rows is None:
        return None
    return ScoreChange(reached, now.test_rows, earlier, before.test_rows)


def uncommitted(root: Path) -> list[str]:
    """Return the results that differ from HEAD."""
    status = git.run(root, "status", "--porcelain=v1", "-z", "--no-renames",
                     "--untracked-files=all", "--", *RESULTS)  # fmt: skip
    within = git.prefix(root)
    return sorted(e[3:].removeprefix(within) for e in os.fsdecode(status).split("\0") if e)


def is_results(root: Path, commit: str) -> bool:
    """Return whether a commit of ours changes results and nothing else."""
    if MARK not in (git.output(root, "log", "-1", "--format=%s", commit) or ""):
        return False
    listed = ("diff", "--name-only", "-z", f"{commit}^", commit)
    every = git.output(root, *listed)  # None of the first commit
    return bool(every) and every == git.output(root, *listed, "--", *RESULTS)


def message(root: Path, text: str | None) -> str:
    """Return the message of a commit of the results in the working tree; a text replaces scores."""
    subject, newline, more = (text or f"Retrain: {scores(root) or 'no scores'}").partition("\n")
    if MARK not in subject + more:
        subject += f" {MARK}"
    receipt, lock, profile = Receipt.load(root / RECEIPT), Lock.read(root), root / DATA_PROFILE
    rows = rows_of(lock, profile.read_bytes() if profile.is_file() else None).get("raw")
    counted = "" if rows is None else f", {rows:,} rows"
    lines = [f"Image: {receipt.image}", f"Digest: {receipt.digest}",
             f"Data: {lock.md5(RAW) or 'unknown'}{counted}"]  # fmt: skip
    if earlier := git.content_at(root, "HEAD", _LOCK):
        for name, change in sorted(params_diff(Lock.parse(earlier).params, lock.params).items()):
            was, now = ("nothing" if value is None else value for value in (change.old, change.new))
            lines.append(f"Param: {name} from {was} to {now}")
    return f"{subject}{newline}{more}\n\n" + "\n".join(lines)


def commit_params(
    settings: Sequence[str], root: Path, *, check: Callable[[Path], object]
) -> str | None:
    """Set params and commit them, so that the commit that an image names holds them.

    `check` raises ParamsError if a file does not hold params. Returns the commit's subject, or None
    if HEAD has these values already. ParamsError: a setting names no param, or a value is wrong;
    RepositoryError: params.yaml has other changes that are not committed.
    """
    if not settings:
        return None
    path, before = root / PARAMS, git.content_at(root, "HEAD", _PARAMS)
    if before is None:
        raise ParamsError(f"{PARAMS} must be committed. Received: none in HEAD. Try: git add it.")
    with replacing_file(path) as temporary:
        temporary.write_text(before, encoding="utf-8")
        with reading_overrides("--set"):
            apply_overrides(temporary, list(settings))
        check(temporary)
        after = temporary.read_text(encoding="utf-8")
        if not path.is_file() or path.read_text(encoding="utf-8") not in (before, after):
            raise RepositoryError(
                f"{PARAMS} must be as it is committed for params to be set. Received: other "
                f"changes. Try: git diff {PARAMS}, then git commit or git checkout {PARAMS}."
            )
        temporary.chmod(path.stat().st_mode)
    if after == before:
        return None
    subject = f"Set {', '.join(setting.replace('=', ' to ', 1) for setting in settings)}"
    commit(root, [_PARAMS], subject)  # unmarked, or its `git revert` would start nothing
    return subject


@contextmanager
def reading_overrides(option: str) -> Iterator[None]:
    """Raise a ParamsError if DVC cannot read, or not apply, the overrides that an option gave."""
    from hydra.errors import HydraException

    try:
        yield
    except (DvcException, HydraException) as error:
        raise ParamsError(
            f"{option} must be as `dvc exp run` takes it. Received: "
            f"{one_line(error.__cause__ or error)}. Try: train.dropout=0.2."
        ) from error


@dataclass(frozen=True)
class Branch:
    """A branch, without refs/heads, of a remote of a clone; HEAD is pushed to it."""

    root: Path
    remote: str
    name: str

    @property
    def tracking(self) -> str:
        """What the clone last saw of it."""
        return f"refs/remotes/{self.remote}/{self.name}"

    def waits_for(self, *paths: str) -> bool:
        """Return whether commits that the remote lacks, as far as is known, change these paths."""
        is_new = git.output(self.root, "rev-parse", "--verify", "--quiet", self.tracking) is None
        theirs = f"--remotes={self.remote}" if is_new else self.tracking
        return bool(git.output(self.root, "rev-list", "-n1", "HEAD", "--not", theirs, "--", *paths))

    def push(self) -> bool:
        """Push HEAD, never by force; False if others have pushed, whose commits are then fetched.

        RepositoryError: the remote cannot be reached or refuses for another reason.
        """
        branch = f"refs/heads/{self.name}"
        try:
            git.run(self.root, "push", "--quiet", self.remote, f"HEAD:{branch}",
                    advice=f"git push {self.remote} HEAD:{self.name}, then the same again",
                    must=f"The remote {self.remote} must take {self.name}")  # fmt: skip
        except RepositoryError:
            new = f"+{branch}:{self.tracking}"
            fetched = git.output(self.root, "fetch", "--quiet", self.remote, new)
            if fetched is None or follows(self.root, self.tracking):  # nobody was faster
                raise
            return False
        return True

    def rebase(self) -> bool:
        """Put our commits onto those that were fetched; False, and no change, if they conflict."""
        options = ("--quiet", "--rebase-merges", "--autostash", self.tracking)
        try:
            git.run(self.root, *git.NO_HOOKS, "rebase", *options, variables=git.who(self.root))
        except RepositoryError:
            git.run(self.root, *git.NO_HOOKS, "rebase", "--abort")
            return False
        return True


def find_branch(
    root: Path, remote: str, named: str | None, variables: Mapping[str, str] = os.environ
) -> Branch:
    """Return the branch to push to.

    That is the named one; else the upstream of the current one on this remote, or one of its name;
    on a detached HEAD, the one that CI names in the environment's variables. RepositoryError if
    there is no such remote, or nothing names a branch.
    """
    git.run(root, "remote", "get-url", remote, must=f"{remote} must be a remote of this clone",
            advice="--remote with a name that git remote shows, or --no-push")  # fmt: skip
    if named:
        return Branch(root, remote, named)
    if current := git.output(root, "symbolic-ref", "--quiet", "--short", "HEAD"):
        upstream = git.output(root, "config", f"branch.{current}.merge") or current
        if git.output(root, "config", f"branch.{current}.remote") != remote:
            upstream = current
        return Branch(root, remote, upstream.removeprefix("refs/heads/"))
    of_ci = variables.get("GITHUB_REF_NAME")
    if of_ci and variables.get("GITHUB_REF_TYPE", "branch") == "branch":
        return Branch(root, remote, of_ci)
    raise RepositoryError(
        f"HEAD of {root.resolve()} must be on a branch. Received: a detached HEAD. "
        "Try: --branch with the name of the one to push to, or --no-push."
    )


def commit(root: Path, paths: Sequence[str], message: str) -> None:
    """Commit some files as they are and nothing else; RepositoryError if Git or a hook refuses."""
    must, advice = "Git must commit the results", "git status, and the hooks in .git/hooks"
    git.run(root, "add", "--", *paths, must=must, advice=advice)
    git.run(root, "commit", "--quiet", "--only", "--message", message, "--", *paths,
            variables=git.who(root), must=must, advice=advice)  # fmt: skip


def follows(root: Path, commit: str) -> bool:
    """Return whether HEAD is a commit or follows it; False for one that is not known."""
    return git.output(root, "merge-base", "--is-ancestor", commit, "HEAD") is not None


def drop_last(root: Path) -> None:
    """Take the last commit off; RepositoryError if uncommitted changes are in the way."""
    git.run(root, "reset", "--quiet", "--keep", "HEAD^",
            must="Changes that are not committed must be in no file of the last commit",
            advice="git stash, then the same again")  # fmt: skip
