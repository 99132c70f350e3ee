"""A Deployment and its Service: serving that needs no operator."""

from __future__ import annotations

from typing import Any

from issuesum.shipping.kubernetes.pod import GRPC, PinnedImage, pod


def deployment(
    name: str, image: PinnedImage, *, replicas: int, pull_secret: str | None
) -> list[dict[str, Any]]:
    """Return Service, PodDisruptionBudget and Deployment.

    A pod goes when another has become ready, and a drain takes one pod at a time.
    """
    labels = selector(name)
    match = {"matchLabels": labels}
    metadata = {"name": name, "labels": labels}
    made = pod(image, pull_secret=pull_secret)
    made["metadata"]["labels"] = labels
    apart = {"labelSelector": match, "topologyKey": "kubernetes.io/hostname"}
    preferred = [{"weight": 100, "podAffinityTerm": apart}]
    made["spec"]["affinity"] = {
        "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "selector": labels,
            "ports": [
                {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"},
                {"name": "grpc", "port": GRPC, "targetPort": "grpc", "protocol": "TCP"},
            ],
        },
    }
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {"maxUnavailable": 1, "selector": match},
    }
    runs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "selector": match,
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": made,
        },
    }
    return [service, budget, runs]


def selector(name: str) -> dict[str, str]:
    """Return the label of the pods."""
    return {"app.kubernetes.io/name": name}
