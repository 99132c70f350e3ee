"""What is applied: the documents of deploy/training, made those of one commit and its params."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from issuesum.errors import ParamsError
from issuesum.registry.image import RemoteImage

Kind = Literal["trainjob", "tfjob", "job"]
Document = dict[str, Any]
RESOURCES: dict[Kind, str] = {
    "trainjob": "trainjobs.trainer.kubeflow.org",
    "tfjob": "tfjobs.kubeflow.org",
    "job": "jobs.batch",
}
"""In the order of preference."""
FOLDER = Path("deploy/training")
INSTANCE = "app.kubernetes.io/instance"
"""Label that the pods of a job have, of any kind; its value is the name of the job."""
PARAMS = "ISSUESUM_PARAMS"
"""Variable of the pods: overrides of params, as `dvc exp run -S` takes them, in a JSON list."""
_KINDS: dict[str, Kind] = {"Job": "job", "TFJob": "tfjob", "TrainJob": "trainjob"}
_WORKERS = "ISSUESUM_WORKERS"
_GPU = "nvidia.com/gpu"
ARCHITECTURE = "kubernetes.io/arch"  # label of nodes


@dataclass(frozen=True)
class Variant:
    """A training of a commit."""

    overrides: tuple[str, ...] = ()  # of its params, `train.dropout=0.2`
    fingerprint: str = ""  # of the params that come of them

    @classmethod
    def of(cls, overrides: Sequence[str], params: Any) -> Variant:  # noqa: ANN401 -- of one section
        """Name a variant by its overrides and what the params of `train` then are."""
        text = json.dumps(params, sort_keys=True)
        return cls(tuple(overrides), hashlib.sha256(text.encode()).hexdigest()[:8])

    def __str__(self) -> str:
        """Return its overrides."""
        return " ".join(self.overrides)


@dataclass(frozen=True)
class Manifests:
    """The documents of a kustomization, of which one is the job."""

    documents: tuple[Document, ...]

    @classmethod
    def of(cls, documents: Sequence[Document], folder: Path) -> Manifests:
        """Take the documents of a folder (ParamsError: there is not one job among them)."""
        found = [each.get("kind") for each in documents if each.get("kind") in _KINDS]
        if len(found) != 1:
            raise ParamsError(
                f"{folder} must hold one Job, TFJob or TrainJob. Received: "
                f"{', '.join(map(str, found)) or 'none'}. Try: resources: [../training/job] in it."
            )
        return cls(tuple(documents))

    @property
    def job(self) -> Document:
        """The one whose status shows how training ended."""
        return next(each for each in self.documents if each["kind"] in _KINDS)

    @property
    def kind(self) -> Kind:
        """Of the job."""
        return _KINDS[self.job["kind"]]

    @property
    def namespace(self) -> str:
        """Where the job goes."""
        return str(self.job["metadata"].get("namespace", "default"))

    @property
    def asks_for_gpus(self) -> bool:
        """Whether a container does."""
        resources = (
            container.get("resources", {})
            for pod in _templates(self.documents)
            for container in pod["spec"]["containers"]
        )
        return any(_GPU in group for each in resources for group in each.values())

    @property
    def architecture(self) -> str | None:
        """Of the nodes that the pods select, if they select any."""
        selected = (pod["spec"].get("nodeSelector", {}) for pod in _templates(self.documents))
        return next((each[ARCHITECTURE] for each in selected if ARCHITECTURE in each), None)

    def name(self, commit: str, variant: Variant) -> str:
        """Return what the job of a commit and variant is called."""
        parts = (self.job["metadata"]["name"], commit[:12], variant.fingerprint)
        return "-".join(filter(None, parts))

    def made_for(
        self, commit: str, variant: Variant, image: RemoteImage, namespace: str, workers: int | None
    ) -> list[Document]:
        """Return the documents for a training by the commit's pipeline image.

        Without a number of workers there are as many as the documents have.
        """
        # The job last: a TrainJob is refused before its runtime is there.
        documents = sorted(deepcopy(self.documents), key=lambda each: each["kind"] in _KINDS)
        name, own = self.name(commit, variant), self.job["metadata"]["name"]
        labels = {INSTANCE: name, "issuesum/commit": commit[:12]}
        variables = {PARAMS: json.dumps(variant.overrides)} if variant.overrides else {}
        if workers:
            variables[_WORKERS] = str(workers)
            _set_workers(documents[-1], workers)
        for document in documents:
            metadata = document["metadata"]
            metadata["namespace"] = namespace
            if metadata["name"] == own:
                metadata["name"] = name
                metadata["labels"] = metadata.get("labels", {}) | labels
            if document["kind"] == "Service" and metadata["name"] == name:
                document["spec"]["selector"] = {INSTANCE: name}
            if document["kind"] == "TrainJob" and document["spec"]["runtimeRef"]["name"] == own:
                document["spec"]["runtimeRef"]["name"] = name
        for pod in _templates(documents):
            metadata, spec = pod.setdefault("metadata", {}), pod["spec"]
            metadata["labels"] = metadata.get("labels", {}) | labels
            if spec.get("subdomain") == own:
                spec["subdomain"] = name
            if image.architecture:
                nodes = {ARCHITECTURE: image.architecture}
                spec["nodeSelector"] = nodes | spec.get("nodeSelector", {})
            for container in spec["containers"]:
                container["image"] = str(image.reference)
                kept = (e for e in container.get("env", []) if e["name"] not in variables)
                added = ({"name": key, "value": of} for key, of in variables.items())
                container["env"] = [*kept, *added]
        return documents


def _set_workers(job: Document, workers: int) -> None:
    spec = job["spec"]
    if job["kind"] == "Job":
        spec["completions"] = spec["parallelism"] = workers
    elif job["kind"] == "TFJob":
        spec["tfReplicaSpecs"]["Worker"]["replicas"] = workers
    else:
        spec.setdefault("trainer", {})["numNodes"] = workers


def _templates(value: Any) -> Iterator[Document]:  # noqa: ANN401 -- of any depth
    """Yield the templates of pods in documents."""
    if isinstance(value, dict):
        if "containers" in value.get("spec", {}):
            yield value
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _templates(each)
