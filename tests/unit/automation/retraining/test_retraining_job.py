"""What becomes of results while others push, with a stand-in for the pipeline and real Git."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from issuesum.automation.retraining import job
from issuesum.automation.retraining.job import Hooks, _Job
from issuesum.automation.retraining.results import Branch
from issuesum.errors import GateError, RepositoryError
from issuesum.layout import RECEIPT
from issuesum.lineage.receipt import Receipt
from projects import Project


class StandIn:
    """Leaves what the pipeline leaves, and notes what it is asked for."""

    def __init__(self, clone: Project) -> None:
        self.clone = clone
        self.stale = ["train"]
        self.asked: list[str] = []
        self.refusal: GateError | None = None

    def repro(self, *_: str) -> None:
        self.asked.append("reproduce")
        if self.refusal:
            raise self.refusal
        head = self.clone.run("git", "rev-parse", "HEAD").stdout[:12]
        self.clone.edit("dvc.lock", lambda text: f"{text}# made at {head}\n")
        (self.clone.path / "eval").mkdir(exist_ok=True)
        metrics = {"model": {"rouge_l": 22.0}, "test_rows": 400}
        (self.clone.path / "eval/metrics.json").write_text(json.dumps(metrics))
        receipt = Receipt("host/titles:a-b", "sha256:1", git=head, dvc="b")
        receipt.save(self.clone.path / RECEIPT)
        self.stale = []

    def push(self, *_: str) -> None:
        self.asked.append("share")


@pytest.fixture
def pipeline(clone: Project, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Return the stand-in, which also says what is stale."""
    made = StandIn(clone)
    monkeypatch.setattr(job, "stale_stages", lambda _: made.stale)
    monkeypatch.setattr(job, "stages_without_output", lambda _: [])
    monkeypatch.setattr(job, "settle", lambda _: None)
    monkeypatch.setattr(job, "_why_export", lambda *_: None)
    return made


@pytest.fixture
def run(clone: Project, pipeline: StandIn) -> Callable[[], job.Outcome]:
    """Return what runs a job whose results go to `main`."""

    def report(_: str) -> None:
        pipeline.asked.append("report")

    rules = Hooks(lambda _: None, lambda: "host", report, lambda: None, lambda: None)
    branch = Branch(clone.path, "origin", "main")
    before = clone.run("git", "rev-parse", "HEAD").stdout.strip()
    made = _Job(None, rules, clone.path, branch, pipeline)  # type: ignore[arg-type]
    return lambda: made.run(("train",), before)


def _others_push_first(clone: Project, times: int, file: str) -> None:
    """Have the other clone push between our look at the branch and our push, so many times."""
    hook = clone.path / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\nunset $(git rev-parse --local-env-vars)\necho x >>../count\n"
        f"number=$(grep -c x ../count)\n[ $number -le {times} ] || exit 0\n"
        f'cd ../other && git pull --quiet && echo "# $number" >>{file} && git add {file}\n'
        'git -c user.name=Other -c user.email=other@example.com commit -qm "Theirs $number"\n'
        "git push --quiet\n"
    )
    hook.chmod(0o755)


def _pushed(clone: Project) -> list[str]:
    log = clone.run("git", "log", "--format=%s", "main", GIT_DIR="../bare.git").stdout
    return log.replace(" [skip ci]", "").splitlines()


@pytest.mark.usefixtures("other")
def test_results_go_after_what_others_pushed_and_are_not_made_again(
    clone: Project, pipeline: StandIn, run: Callable[[], job.Outcome]
) -> None:
    _others_push_first(clone, 1, "theirs.md")
    done = run()
    assert _pushed(clone) == ["Retrain: ROUGE-L 22.00 on 400 issues", "Theirs 1", "begin"]
    assert done.commit == clone.run("git", "rev-parse", "HEAD").stdout.strip()
    assert pipeline.asked.count("reproduce") == 1


@pytest.mark.usefixtures("other")
def test_results_that_are_stale_on_top_of_theirs_are_made_again(
    clone: Project, pipeline: StandIn, run: Callable[[], job.Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    _others_push_first(clone, 1, "theirs.md")
    rebase = Branch.rebase

    def rebased(branch: Branch) -> bool:
        pipeline.stale = ["train"]
        return rebase(branch)

    monkeypatch.setattr(Branch, "rebase", rebased)
    run()
    assert pipeline.asked.count("reproduce") == 2
    assert _pushed(clone) == ["Retrain: ROUGE-L 22.00 on 400 issues", "Theirs 1", "begin"]


@pytest.mark.usefixtures("other")
def test_results_that_conflict_stop_it_and_the_same_again_makes_them_on_theirs(
    clone: Project, pipeline: StandIn, run: Callable[[], job.Outcome]
) -> None:
    _others_push_first(clone, 1, "dvc.lock")
    with pytest.raises(RepositoryError, match=r"a conflict; nothing is lost.* Try: the same again"):
        run()
    assert _pushed(clone) == ["Theirs 1", "begin"]
    assert clone.run("git", "status", "--porcelain", "--untracked-files=no").stdout == ""
    pipeline.stale = ["train"]
    run()
    assert _pushed(clone) == ["Retrain: ROUGE-L 22.00 on 400 issues", "Theirs 1", "begin"]
    assert "# 1\n" in (clone.path / "dvc.lock").read_text()


@pytest.mark.usefixtures("other")
def test_commits_of_the_user_that_conflict_are_kept(
    clone: Project, run: Callable[[], job.Outcome]
) -> None:
    clone.edit("params.yaml", lambda text: text + "# ours\n")
    ours = clone.commit("ours")
    _others_push_first(clone, 1, "params.yaml")
    with pytest.raises(RepositoryError, match=r"git rebase origin/main first"):
        run()
    assert clone.run("git", "rev-parse", "HEAD").stdout.strip() == ours
    assert _pushed(clone) == ["Theirs 1", "begin"]


@pytest.mark.usefixtures("other")
def test_it_stops_when_others_were_faster_twice_and_loses_nothing(
    clone: Project, run: Callable[[], job.Outcome]
) -> None:
    _others_push_first(clone, 99, "theirs.md")
    with pytest.raises(RepositoryError, match="others pushed first, twice"):
        run()
    assert _pushed(clone) == ["Theirs 2", "Theirs 1", "begin"]
    assert "ROUGE-L 22.00" in clone.run("git", "log", "-1", "--format=%s").stdout


def test_what_the_gate_refused_is_reported_and_shared_and_nothing_is_committed(
    clone: Project, pipeline: StandIn, run: Callable[[], job.Outcome]
) -> None:
    pipeline.refusal = GateError("The model must pass the gate. Received: too low. Try: more data.")
    with pytest.raises(GateError, match="too low"):
        run()
    assert pipeline.asked == ["reproduce", "report", "share"]
    assert _pushed(clone) == ["begin"]
    assert clone.run("git", "log", "--format=%s").stdout == "begin\n"


@pytest.mark.parametrize(
    ("receipt", "held", "why"),
    [
        (None, None, "there is no serving/image.json"),
        (("host/titles:a-b", "a-dirty"), "sha256:1", "made from changes that were not committed"),
        (("elsewhere/titles:a-b", "a"), "sha256:1", "is not in host"),
        (("host/titles:a-b", "a"), None, "host does not hold host/titles:a-b as sha256:1"),
        (("host/titles:a-b", "a"), "sha256:2", "host does not hold host/titles:a-b as sha256:1"),
        (("host/titles:a-b", "a"), "sha256:1", None),
    ],
)
def test_an_image_is_made_again_unless_the_registry_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    receipt: tuple[str, str] | None, held: str | None, why: str | None,
) -> None:  # fmt: skip
    monkeypatch.setattr("issuesum.registry.client.Registry.digest", lambda *_: held)
    if receipt:
        image, made_from = receipt
        Receipt(image, "sha256:1", git=made_from, dvc="b").save(tmp_path / RECEIPT)
    rules = Hooks(lambda _: None, lambda: "host", lambda _: None, lambda: None, lambda: None)
    reason = job._why_export(tmp_path, rules)
    assert reason is None if why is None else why in str(reason)


def test_what_is_not_committed_stops_it_before_anything_is_made(clone: Project) -> None:
    clone.edit("params.yaml", lambda text: text.replace("12", "13"))
    with pytest.raises(
        RepositoryError, match=r"Received: changes of params\.yaml\. Try: git commit"
    ):
        job._check_clean(clone.path)
    (clone.path / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(RepositoryError, match=r"changes of dvc\.yaml and 1 more"):
        job._check_clean(clone.path)


def test_outputs_of_an_earlier_commit_are_nothing_to_do(
    clone: Project, pipeline: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.stale = ["split"]  # as after `git pull`, until the outputs are settled
    monkeypatch.setattr(job, "settle", lambda _: setattr(pipeline, "stale", []))
    rules = Hooks(lambda _: None, lambda: "host", lambda _: None, lambda: None, lambda: None)
    assert job.retrain(rules, clone.path, push=False) is None
    pipeline.stale = ["split"]
    monkeypatch.setattr(job, "settle", lambda _: None)
    monkeypatch.setattr(job, "Pipeline", lambda *_: pipeline)
    done = job.retrain(rules, clone.path, push=False)
    assert done is not None
    assert done.stages == ("split",)
