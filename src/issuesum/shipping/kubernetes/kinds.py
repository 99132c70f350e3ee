"""What runs the pods of an image: Seldon's operator, KServe's, or Kubernetes alone."""

import math
from typing import Any

from issuesum.shipping.kubernetes import Kind
from issuesum.shipping.kubernetes.pod import CONTAINER, GRPC, HTTP

Document = dict[str, Any]
LABELS: dict[Kind, str] = {
    "seldon": "seldon-deployment-id",
    "kubernetes": "app.kubernetes.io/name",
    "kserve": "serving.kserve.io/inferenceservice",
}
"""Label of the pods; its value is the name under which they serve."""
_ALL = 100  # percent


def seldon_deployments(
    name: str,
    pod: Document,
    *,
    replicas: int,
    canary: Document | None,
    traffic: int,
    shadow: Document | None,
) -> dict[str, list[Document]]:
    """Return SeldonDeployments by file: of one pod, with a canary, or with a shadow.

    All have one name, so each replaces the others in the cluster. The predictor `default` is the
    same in all of them but for its share of traffic, which is no part of its pods: they are not
    restarted when a canary or a shadow comes or goes.
    """

    def predictor(role: str, pod: Document, traffic: int, replicas: int) -> Document:
        return {
            "name": role,
            "replicas": replicas,
            "traffic": traffic,
            "graph": {"name": CONTAINER, "type": "MODEL"},
            "componentSpecs": [pod],
        }

    def deployment(*predictors: Document) -> list[Document]:
        labels = {"app.kubernetes.io/name": name}
        return [
            {
                "apiVersion": "machinelearning.seldon.io/v1",
                "kind": "SeldonDeployment",
                "metadata": {"name": name, "labels": labels},
                "spec": {"predictors": list(predictors)},
            }
        ]

    default = predictor("default", pod, _ALL, replicas)
    files = {"seldondeployment.yaml": deployment(default)}
    if canary:
        share = predictor("canary", canary, traffic, math.ceil(replicas * traffic / _ALL))
        files["canary.yaml"] = deployment({**default, "traffic": _ALL - traffic}, share)
    if shadow:
        # Its traffic is the share that is copied: without it, Ambassador would copy nothing.
        copied = {**predictor("shadow", shadow, _ALL, replicas), "shadow": True}
        files["shadow.yaml"] = deployment(default, copied)
    return files


def inference_service(name: str, pod: Document, replicas: int) -> list[Document]:
    """Return KServe's service, whose Deployment has a fixed number of pods.

    KServe's clients ask for the model by the service's name, so the server is told that name.
    """
    (container,) = pod["spec"]["containers"]
    container["name"] = "kserve-container"
    container["ports"] = [{"name": "http1", "containerPort": HTTP, "protocol": "TCP"}]  # one alone
    container["env"].append({"name": "ISSUESUM_MODEL_NAME", "value": name})
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        container[probe]["httpGet"]["port"] = HTTP  # KServe takes no name here
    scale = {"minReplicas": replicas, "maxReplicas": replicas}
    return [
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {
                "name": name,
                "labels": {"app.kubernetes.io/name": name},
                "annotations": {"serving.kserve.io/deploymentMode": "Standard"},
            },
            "spec": {"predictor": {**scale, **pod["metadata"], **pod["spec"]}},
        }
    ]


def deployment(name: str, pod: Document, replicas: int) -> list[Document]:
    """Return Service, PodDisruptionBudget and Deployment: what needs no operator.

    A pod goes when another has become ready, and a drain takes one pod at a time.
    """
    labels = {LABELS["kubernetes"]: name}
    match = {"matchLabels": labels}
    metadata = {"name": name, "labels": labels}
    pod["metadata"]["labels"] = labels
    apart = {"labelSelector": match, "topologyKey": "kubernetes.io/hostname"}
    preferred = [{"weight": 100, "podAffinityTerm": apart}]
    pod["spec"]["affinity"] = {
        "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
    }
    ports = [
        {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"},
        {"name": "grpc", "port": GRPC, "targetPort": "grpc", "protocol": "TCP"},
    ]
    budget = {"maxUnavailable": 1, "selector": match}
    runs = {
        "replicas": replicas,
        "selector": match,
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": pod,
    }
    return [
        {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
        for version, kind, spec in (
            ("v1", "Service", {"selector": labels, "ports": ports}),
            ("policy/v1", "PodDisruptionBudget", budget),
            ("apps/v1", "Deployment", runs),
        )
    ]
