"""What a pod shows about a job, as a cluster describes it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from types import SimpleNamespace

import pytest

from issuesum.automation.submit.cluster import Job, Kubectl, Log, Pod
from issuesum.automation.submit.manifests import Variant
from issuesum.automation.submit.submitting import FailedJobError, _run, _Watched
from issuesum.errors import ClusterError

METADATA = {"name": "x-0-abc", "uid": "u", "labels": {"app.kubernetes.io/name": "issuesum"}}


def _pod(phase: str, *, conditions=(), labels=None, **container) -> Pod:
    metadata = {**METADATA, "labels": METADATA["labels"] | (labels or {})}
    status = {"phase": phase, "conditions": list(conditions)}
    if container:
        status["containerStatuses"] = [{"restartCount": 0, "lastState": {}, **container}]
    return Pod.of({"metadata": metadata, "status": status})


def test_a_pod_without_a_node_is_pending_and_has_not_started() -> None:
    pod = _pod("Pending")
    assert pod.is_pending
    assert pod.start is None


def test_the_last_error_is_the_line_of_the_stage() -> None:
    log = "error: earlier\nRunning\nerror: train: no. Try: yes.\nERROR: failed to reproduce\n"
    ended = {"terminated": {"exitCode": 2, "message": log}}
    pod = _pod("Failed", state=ended)
    assert (pod.exit_code, pod.last_words) == (2, "error: train: no. Try: yes.")
    assert pod.start == ("u", 0)
    # Started again in the same pod, as a TFJob does it.
    pod = _pod("Running", state={"running": {}}, lastState=ended, restartCount=1)
    assert (pod.exit_code, pod.is_running, pod.start) == (2, True, ("u", 1))
    done = {"terminated": {"exitCode": 0, "message": ""}}
    assert _pod("Succeeded", state=done).exit_code is None


def test_the_chief_is_the_first_worker_of_any_kind_of_job() -> None:
    for label in (
        "batch.kubernetes.io/job-completion-index",
        "training.kubeflow.org/replica-index",
    ):
        assert _pod("Running", labels={label: "0"}).is_chief
        assert not _pod("Running", labels={label: "1"}).is_chief


def _watched(state: str, *pods: Pod, kind: str = "job") -> tuple[_Watched, list[str]]:
    """Return a training whose job is in such a state, and a list of what is done to it."""
    done: list[str] = []
    job = SimpleNamespace(
        name="x", kind=kind, state=lambda: state, pods=lambda: list(pods),
        warning=lambda: "FailedCreate: quota exceeded", delete=lambda: done.append("delete"),
    )  # fmt: skip
    return _Watched(job, Variant(), Log(Kubectl(), named=False)), done


def _ended(code: int, message: str) -> Pod:
    ended = {"terminated": {"exitCode": code, "message": message}}
    pod = _pod("Failed", state=ended)
    return Pod(**{**vars(pod), "start": None})  # there is no cluster to have its log from


def test_a_mistake_is_the_line_and_the_exit_code_of_the_stage() -> None:
    pod = _ended(2, "error: train: batch_size must fit. Try: 32.\n")
    for kind, deleted in (("job", []), ("trainjob", []), ("tfjob", ["delete"])):
        watched, done = _watched("running", pod, kind=kind)
        with pytest.raises(FailedJobError, match=r"^train: batch_size must fit\. Try: 32\.$") as no:
            watched.look()
        assert (no.value.exit_code, done) == (2, deleted)


def test_an_interruption_ends_nothing_until_the_job_has_failed() -> None:
    pod = _ended(143, "")
    watched, _ = _watched("running", pod)
    assert not watched.look()
    watched, _ = _watched("failed", pod)
    with pytest.raises(FailedJobError, match="Received: x-0-abc ended with 143") as no:
        watched.look()
    assert no.value.exit_code == 143
    watched, _ = _watched("failed")
    with pytest.raises(FailedJobError, match="Received: FailedCreate: quota exceeded") as no:
        watched.look()
    assert no.value.exit_code == 9
    watched, _ = _watched("succeeded", pod)
    assert watched.look()


def test_what_keeps_pods_from_running_is_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    for pods in ([_pod("Pending", state=waiting)], []):
        watched, _ = _watched("running", *pods)
        assert not watched.look()
        assert not watched.look()
        assert capsys.readouterr().err == "note: waiting for FailedCreate: quota exceeded\n"
    running = Pod(**{**vars(_pod("Running", state={"running": {}})), "start": None})
    watched, _ = _watched("running", running)
    assert not watched.look()
    assert capsys.readouterr().err == ""


def test_the_last_warning_about_the_job_or_its_pods_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def event(name: str, reason: str, minute: int) -> dict:
        time = f"2026-11-29T10:{minute}:00Z"
        return {"involvedObject": {"name": name}, "reason": reason, "message": "m",
                "lastTimestamp": time}  # fmt: skip

    events = [
        event("x-0-abc", "FailedScheduling", 12), event("x", "FailedCreate", 11),
        event("x-0-abc", "FailedToRetrieveImagePullSecret", 13), event("other", "Failed", 14),
    ]  # fmt: skip
    monkeypatch.setattr(Kubectl, "items", lambda *_: events)
    assert Job(Kubectl(), "job", "x").warning() == "FailedScheduling: m"

    def refuse(*_: object) -> None:
        raise ClusterError("forbidden")

    monkeypatch.setattr(Kubectl, "items", refuse)
    assert Job(Kubectl(), "job", "x").warning() is None


def test_results_are_fetched_while_others_run_and_failures_are_told() -> None:
    fetched, second = [], Event()

    def first(_: Event) -> None:
        assert second.wait(20)  # it runs at the same time

    def failing(_: Event) -> None:
        second.set()
        raise FailedJobError("no", 2)

    def training(follow: Callable[[Event], None]) -> SimpleNamespace:
        return SimpleNamespace(follow=follow)

    trainings = [training(each) for each in (first, failing, lambda _: None)]
    failures = list(_run(trainings, 2, fetched.append))  # type: ignore[arg-type]
    assert [str(each) for each in failures] == ["no"]
    assert set(map(id, fetched)) == {id(trainings[0]), id(trainings[2])}


def test_an_interruption_ends_the_watching() -> None:
    stopped: list[bool] = []

    def endless(stop: Event) -> None:
        stopped.append(stop.wait(20))

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    trainings = [SimpleNamespace(follow=each) for each in (lambda _: None, endless, endless)]
    with pytest.raises(KeyboardInterrupt):
        list(_run(trainings, 2, interrupt))  # type: ignore[arg-type]
    assert all(stopped)
