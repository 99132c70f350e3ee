"""SeldonDeployments: one image, a canary with a share of the requests, or a shadow with a copy.

All have one name, so each replaces the others in the cluster. The predictor `default` is the same
in all of them but for its share of traffic, which is no part of its pods: they are not restarted
when a canary or a shadow comes or goes.
"""

from __future__ import annotations

import math
from typing import Any

from issuesum.shipping.kubernetes.pod import CONTAINER, METRICS, PinnedImage, component

_ALL = 100  # percent
_ORCHESTRATOR = 8000  # the operator's container, which counts and times requests
_PATH = "/prometheus"  # what the operator sets for both containers


def seldon_manifests(
    name: str,
    image: PinnedImage,
    *,
    replicas: int,
    canary: PinnedImage | None,
    traffic: int,
    shadow: PinnedImage | None,
    pull_secret: str | None,
) -> dict[str, list[dict[str, Any]]]:
    """Return the documents of each file; `write_manifests` describes the arguments."""

    def predictor(role: str, runs: PinnedImage, traffic: int, replicas: int) -> dict[str, Any]:
        return {
            "name": role,
            "replicas": replicas,
            "traffic": traffic,
            "graph": {"name": CONTAINER, "type": "MODEL"},
            "componentSpecs": [component(runs, pull_secret=pull_secret)],
        }

    default = predictor("default", image, _ALL, replicas)
    files = {
        "seldondeployment.yaml": [_deployment(name, default)],
        "servicemonitor.yaml": _monitoring(name),
    }
    if canary:
        few = math.ceil(replicas * traffic / _ALL)
        share = predictor("canary", canary, traffic, few)
        rest = {**default, "traffic": _ALL - traffic}
        files["canary.yaml"] = [_deployment(name, rest, share)]
    if shadow:
        # Its traffic is the share that is copied: without it, Ambassador would copy nothing.
        copied = {**predictor("shadow", shadow, _ALL, replicas), "shadow": True}
        files["shadow.yaml"] = [_deployment(name, default, copied)]
    return files


def _deployment(name: str, *predictors: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
        "spec": {"predictors": list(predictors)},
    }


def _monitoring(name: str) -> list[dict[str, Any]]:
    """Return what Prometheus needs to find the metrics of all predictors.

    The services that Seldon's operator makes have no port for metrics. Numbers and not names stand
    behind the ports, because the operator's container has a port named `metrics` too.
    """
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "metrics"}
    ports = {"metrics": METRICS, "requests": _ORCHESTRATOR}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{name}-metrics", "labels": labels},
        "spec": {
            "clusterIP": "None",
            "selector": {"seldon-deployment-id": name},
            "ports": [
                {"name": each, "port": port, "targetPort": port, "protocol": "TCP"}
                for each, port in ports.items()
            ],
        },
    }
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "endpoints": [{"port": each, "path": _PATH, "interval": "30s"} for each in ports],
        },
    }
    return [service, monitor]
