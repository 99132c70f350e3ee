"""SeldonDeployments: one image, a canary with a share of the requests, or a shadow.

All have one name, so each replaces the others in the cluster. The predictor `default` is the same
in all of them but for its share of traffic, which is no part of its pods: they are not restarted
when a canary or a shadow comes or goes.
"""

from __future__ import annotations

import math
from typing import Any

from issuesum.shipping.kubernetes.pod import CONTAINER, PinnedImage, pod

_ALL = 100  # percent


def deployments(
    name: str,
    image: PinnedImage,
    *,
    replicas: int,
    canary: PinnedImage | None,
    traffic: int,
    shadow: PinnedImage | None,
    pull_secret: str | None,
) -> dict[str, dict[str, Any]]:
    """Return the deployments by their files, as `write_manifests` describes them."""

    def predictor(role: str, runs: PinnedImage, traffic: int, replicas: int) -> dict[str, Any]:
        return {
            "name": role,
            "replicas": replicas,
            "traffic": traffic,
            "graph": {"name": CONTAINER, "type": "MODEL"},
            "componentSpecs": [pod(runs, pull_secret=pull_secret)],
        }

    default = predictor("default", image, _ALL, replicas)
    files = {"seldondeployment.yaml": _deployment(name, default)}
    if canary:
        share = predictor("canary", canary, traffic, math.ceil(replicas * traffic / _ALL))
        rest = {**default, "traffic": _ALL - traffic}
        files["canary.yaml"] = _deployment(name, rest, share)
    if shadow:
        # Its traffic is the share that is copied: without it, Ambassador would copy nothing.
        copied = {**predictor("shadow", shadow, _ALL, replicas), "shadow": True}
        files["shadow.yaml"] = _deployment(name, default, copied)
    return files


def selector(name: str) -> dict[str, str]:
    """Return the label that the operator gives to the pods."""
    return {"seldon-deployment-id": name}


def _deployment(name: str, *predictors: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
        "spec": {"predictors": list(predictors)},
    }
