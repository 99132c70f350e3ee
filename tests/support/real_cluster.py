"""A namespace of a real cluster, and trainings in it, by kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from manifests import IMAGE, overlay, render
from projects import Project

CHIEF = {
    "job": "batch.kubernetes.io/job-completion-index=0,batch.kubernetes.io/job-name={}",
    "tfjob": "training.kubeflow.org/replica-index=0,training.kubeflow.org/job-name={}",
    "trainjob": "batch.kubernetes.io/job-completion-index=0,jobset.sigs.k8s.io/jobset-name={}",
}
"""Labels of the pod that trains and pushes."""
RESOURCE = {"job": "job.batch", "tfjob": "tfjob.kubeflow.org",
            "trainjob": "trainjob.trainer.kubeflow.org"}  # fmt: skip
WORKERS = {
    "Job": ("/spec/completions", "/spec/parallelism"),
    "TFJob": ("/spec/tfReplicaSpecs/Worker/replicas",),
    "TrainJob": ("/spec/trainer/numNodes",),
}
ENDED = {"Complete": True, "Succeeded": True, "Failed": False}  # conditions of all kinds


def kubectl(*arguments: str, stdin: str | None = None, ok: bool = True) -> str:
    """Run kubectl and return what it prints, warnings included."""
    done = subprocess.run(
        ["kubectl", *arguments], input=stdin, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0 or not ok, done.stdout
    return done.stdout


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Return the first true value of `condition`, asked every second."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(1)
    return value


def push_image(project: Project) -> str:
    """Build the pipeline image of the project's commit, as docs/kubernetes.md does, and push it."""
    commit = project.run("git", "rev-parse", "HEAD").stdout.strip()
    image = f"{os.environ['ISSUESUM_REGISTRY']}/issuesum-test-cluster:{commit}"
    project.run(
        "sh", "-ec",
        f"git archive {commit} | docker build --file deploy/training/Dockerfile"
        f" --build-arg COMMIT={commit} --tag {image} - && docker push --quiet {image}",
    )  # fmt: skip
    return image


@dataclass(frozen=True)
class Namespace:
    """A namespace that enforces Pod Security `restricted`, and what its pods use."""

    name: str
    image: str  # the pipeline image
    s3: str  # address of S3, as pods reach it
    folder: Path  # for kustomizations

    def __call__(self, *arguments: str, **options: Any) -> str:
        """Run kubectl in it."""
        return kubectl("--namespace", self.name, *arguments, **options)

    def manifests(
        self, base: str, suffix: str, *, workers: int = 1, s3: str = "", image: str = ""
    ) -> str:
        """Return what a folder of deploy/ makes here, by a kustomization as a user has it."""
        folder = self.folder / f"{base.replace('/', '-')}{suffix}"
        (folder / "here").mkdir(parents=True)
        variables = {"AWS_ENDPOINT_URL_S3": s3 or self.s3, "ISSUESUM_WORKERS": str(workers)}
        main = {
            "name": "main",
            "env": [{"name": name, "value": value} for name, value in variables.items()],
            "resources": {"limits": {"memory": "3Gi"}},
        }
        template = {"spec": {"containers": [main]}}
        pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "issuesum"},
               "template": template}  # fmt: skip
        patches = [{"patch": yaml.safe_dump(pod)}]
        for kind, places in WORKERS.items():
            changes = [{"op": "replace", "path": place, "value": workers} for place in places]
            patches.append({"target": {"kind": kind}, "patch": yaml.safe_dump(changes)})
        component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
        here = yaml.safe_dump({**component, "patches": patches})
        (folder / "here/kustomization.yaml").write_text(here)
        name, _, tag = (image or self.image).rpartition(":")
        placeholder = IMAGE.partition(":")[0]
        # The Deployments of Dask have more than the pod of all.
        components = () if base == "preprocess" else ("here", "pod/into-jobs")
        overlay(
            folder, base, *components, namespace=self.name, nameSuffix=suffix,
            images=[{"name": placeholder, "newName": name, "newTag": tag}],
        )  # fmt: skip
        return yaml.safe_dump_all(render(folder))

    def train(self, kind: str, suffix: str, **options: Any) -> Training:
        """Start a training."""
        made = self.manifests(f"training/{kind}", suffix, **options)
        self("apply", "-f", "-", stdin=made)
        return Training(self, kind, f"issuesum-train{suffix}")


@dataclass(frozen=True)
class Training:
    """A job that trains."""

    namespace: Namespace
    kind: str
    name: str

    def pods(self) -> list[dict]:
        """Return the pods of the chief, the oldest first."""
        label = CHIEF[self.kind].format(self.name)
        found = json.loads(self.namespace("get", "pods", "--selector", label, "--output", "json"))
        return sorted(found["items"], key=lambda pod: pod["metadata"]["creationTimestamp"])

    def log(self) -> str:
        """Return the log of the chief's newest pod."""
        names = [pod["metadata"]["name"] for pod in self.pods()]
        return self.namespace("logs", names[-1], ok=False) if names else ""

    def wait_for_validations(self, count: int) -> str:
        """Wait until training is that far, and return the name of the pod."""
        wait_for(lambda: self.log().count("\ntrain: ") >= count, 600, f"{count} validations")
        return str(self.pods()[-1]["metadata"]["name"])

    def wait(self, seconds: float = 900) -> bool:
        """Wait for the end, and return whether it succeeded."""

        def ended() -> list[bool]:
            found = json.loads(self.namespace("get", RESOURCE[self.kind], self.name, "-o", "json"))
            conditions = found.get("status", {}).get("conditions", [])
            return [ENDED[each["type"]] for each in conditions
                    if each["status"] == "True" and each["type"] in ENDED]  # fmt: skip

        return wait_for(ended, seconds, f"the end of {self.name}")[0]

    def delete(self) -> None:
        """Remove it and its pods."""
        self.namespace("delete", RESOURCE[self.kind], self.name, "--wait=false")
