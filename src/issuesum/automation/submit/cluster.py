"""What a cluster answers, by `kubectl` with the user's kubeconfig: jobs, their pods, their log."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from issuesum.automation.submit.manifests import ARCHITECTURE, INSTANCE, RESOURCES, Kind
from issuesum.errors import ClusterError
from issuesum.registry.image import architecture

State = Literal["absent", "running", "succeeded", "failed"]
MISTAKES = range(2, 6)
"""Exit codes of a stage that would end so again (issuesum.errors); others are interruptions."""
_INDICES = ("batch.kubernetes.io/job-completion-index", "training.kubeflow.org/replica-index")
_HARMLESS = {
    "FailedToRetrieveImagePullSecret",  # registries that need none give the image
    "SetPodTemplateRestartPolicy",  # the replica spec of a TFJob has its own, as it must
}


@dataclass(frozen=True)
class Kubectl:
    """The API of a cluster, by default that of the current context and its namespace."""

    context: str | None = None
    namespace: str | None = None

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a question."""
        options = (("--context", self.context), ("--namespace", self.namespace))
        given = [part for name, value in options if value for part in (name, value)]
        return ["kubectl", *given, *arguments]

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Return what it prints (ClusterError: no kubectl, no answer, or a refusal)."""
        try:
            done = subprocess.run(
                self.command(*arguments), check=False, capture_output=True, text=True, input=stdin
            )
        except FileNotFoundError as error:
            raise ClusterError(
                "kubectl must be on PATH. Received: none. "
                "Try: https://kubernetes.io/docs/tasks/tools."
            ) from error
        if done.returncode:
            reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise ClusterError(
                f"`kubectl {arguments[0]}` failed. Received: {reason[-1][:500]}. "
                f"Try: kubectl {' '.join(arguments)}; or another --context or --namespace."
            )
        return done.stdout

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the objects that `get` lists."""
        found: list[dict[str, Any]] = json.loads(self.run("get", *arguments, "-o", "json"))["items"]
        return found

    def architecture(self) -> str | None:
        """Return that of nodes, by choice this machine's; None if we may not see nodes."""
        try:
            nodes = self.items("nodes", f"--selector=kubernetes.io/os=linux,{ARCHITECTURE}")
        except ClusterError:
            return None
        found = {each["metadata"]["labels"][ARCHITECTURE] for each in nodes}
        return architecture() if architecture() in found else min(found, default=None)

    def rendered(self, folder: Path) -> list[dict[str, Any]]:
        """Return the documents of a kustomization."""
        return [each for each in yaml.safe_load_all(self.run("kustomize", str(folder))) if each]


@dataclass(frozen=True)
class Pod:
    """A pod of a job, and its container."""

    name: str
    start: tuple[str, int] | None  # of the container, which may have been restarted
    is_running: bool
    is_pending: bool
    is_chief: bool  # its log is the one to show
    exit_code: int | None  # the last time that the container ended with an error
    last_words: str  # the line with which that ended

    @classmethod
    def of(cls, found: dict[str, Any]) -> Pod:
        """Read a pod as the cluster describes it."""
        metadata, status = found["metadata"], found.get("status", {})
        container: dict[str, Any] = next(iter(status.get("containerStatuses") or ()), {})
        states = [container.get(name) or {} for name in ("state", "lastState")]
        ended: dict[str, Any] = next(
            (each["terminated"] for each in states if each.get("terminated")), {}
        )
        has_started = any(name in states[0] for name in ("running", "terminated")) or bool(ended)
        restarts = int(container.get("restartCount", 0))
        indices = (metadata["labels"].get(key) for key in _INDICES)
        lines = (ended.get("message") or "").strip().splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        return cls(
            name=metadata["name"],
            start=(metadata["uid"], restarts) if has_started else None,
            is_running="running" in states[0],
            is_pending=status.get("phase") == "Pending",
            is_chief=next(filter(None, indices), "0") == "0",
            exit_code=ended.get("exitCode") or None,
            last_words=(errors or lines or [""])[-1],
        )


@dataclass(frozen=True)
class Job:
    """A job by its name, in the namespace of `kubectl`."""

    kubectl: Kubectl
    kind: Kind
    name: str

    def state(self) -> State:
        """Ask how far it is."""
        named = ("--field-selector", f"metadata.name={self.name}")
        found = self.kubectl.items(RESOURCES[self.kind], *named)
        if not found:
            return "absent"
        conditions = found[0].get("status", {}).get("conditions") or ()
        true = {each["type"] for each in conditions if each["status"] == "True"}
        if true & {"Complete", "Succeeded"}:
            return "succeeded"
        return "failed" if "Failed" in true else "running"

    def pods(self) -> list[Pod]:
        """Ask for its pods, the newest last."""
        found = self.kubectl.items("pods", "--selector", f"{INSTANCE}={self.name}")
        found.sort(key=lambda each: str(each["metadata"]["creationTimestamp"]))
        return [Pod.of(each) for each in found]

    def warning(self) -> str | None:
        """Ask for the last warning about it or its pods: a quota, no node, no image; if we may."""
        try:
            events = self.kubectl.items("events", "--field-selector", "type=Warning")
        except ClusterError:
            return None
        ours = [
            each
            for each in events
            if each["involvedObject"]["name"].startswith(self.name)
            and each["reason"] not in _HARMLESS
        ]
        ours.sort(key=lambda each: each.get("lastTimestamp") or each.get("eventTime") or "")
        return f"{ours[-1]['reason']}: {ours[-1]['message']}" if ours else None

    def delete(self) -> None:
        """Delete it with its pods, and wait until they are gone."""
        self.kubectl.run("delete", RESOURCES[self.kind], self.name, "--cascade=foreground")


class Log:
    """The log of a job's chief, printed while it is written, from one pod after the other."""

    def __init__(self, kubectl: Kubectl, *, named: bool) -> None:
        """Print nothing yet; with `named`, each line will begin with the pod's name."""
        self._kubectl, self._options = kubectl, ("--prefix",) if named else ()
        self._process: subprocess.Popen[bytes] | None = None
        self._seen = set[tuple[str, int]]()

    def follow(self, pod: Pod) -> None:
        """Go on with the log of this pod, once that of an earlier one has ended."""
        is_new = pod.start not in self._seen
        going_on = self._process and self._process.poll() is None
        if not pod.start or going_on or not (is_new or pod.is_running):
            return
        # A connection that broke is made again; what was written meanwhile is printed once more.
        since = () if is_new else ("--since=10s",)
        command = self._kubectl.command("logs", "--follow", pod.name, *self._options, *since)
        self._seen.add(pod.start)
        self._process = subprocess.Popen(command, stdout=sys.stderr, stderr=subprocess.DEVNULL)

    def finish(self) -> None:
        """Wait for the last lines."""
        if self._process:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)  # seconds
        self.stop()

    def stop(self) -> None:
        """Print no more."""
        if self._process:
            self._process.terminate()
            self._process.wait()
