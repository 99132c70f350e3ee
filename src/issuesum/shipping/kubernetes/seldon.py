"""SeldonDeployments: one image, a canary beside it, or a shadow behind it.

All have one name, so each replaces the others in the cluster. The predictor `default` is the same
in all of them but for its share of traffic, which is no part of its pods: they are not restarted
when a canary or a shadow comes or goes.
"""

from __future__ import annotations

import math
from typing import Any

from issuesum.shipping.kubernetes.pod import CONTAINER, component
from issuesum.shipping.kubernetes.reference import Image

ALL = 100  # percent


def plain(
    name: str, image: Image, *, replicas: int, pull_secret: str | None = None
) -> dict[str, Any]:
    """Return a SeldonDeployment in which `image` answers every request."""
    return _deployment(
        name, _predictor("default", image, replicas=replicas, traffic=ALL, pull_secret=pull_secret)
    )


def canary(
    name: str,
    image: Image,
    candidate: Image,
    *,
    traffic: int,
    replicas: int,
    pull_secret: str | None = None,
) -> dict[str, Any]:
    """Return a SeldonDeployment in which `candidate` answers a share of the requests.

    Args:
        name: of the deployment.
        image: what answers the others.
        candidate: the canary.
        traffic: its share in percent, 1 to 99. It gets as large a share of `replicas`, at least 1.
        replicas: pods of `image`.
        pull_secret: name of the Secret with which nodes pull, if they need one.
    """
    few = math.ceil(replicas * traffic / ALL)
    return _deployment(
        name,
        _predictor(
            "default", image, replicas=replicas, traffic=ALL - traffic, pull_secret=pull_secret
        ),
        _predictor("canary", candidate, replicas=few, traffic=traffic, pull_secret=pull_secret),
    )


def shadow(
    name: str, image: Image, candidate: Image, *, replicas: int, pull_secret: str | None = None
) -> dict[str, Any]:
    """Return a SeldonDeployment in which `candidate` gets a copy of each request.

    What it answers is dropped. Its traffic is the share that is copied: without it, Ambassador
    would copy nothing.
    """
    behind = _predictor(
        "shadow", candidate, replicas=replicas, traffic=ALL, pull_secret=pull_secret
    )
    return _deployment(
        name,
        _predictor("default", image, replicas=replicas, traffic=ALL, pull_secret=pull_secret),
        {**behind, "shadow": True},
    )


def _deployment(name: str, *predictors: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
        "spec": {"predictors": list(predictors)},
    }


def _predictor(
    name: str, image: Image, *, replicas: int, traffic: int, pull_secret: str | None
) -> dict[str, Any]:
    return {
        "name": name,
        "replicas": replicas,
        "traffic": traffic,
        "graph": {"name": CONTAINER, "type": "MODEL"},
        "componentSpecs": [component(image, pull_secret=pull_secret)],
    }
