"""SeldonDeployments as files: one image, a canary with a share of the requests, or a shadow.

All have one name, so each replaces the others in the cluster. The predictor `default` is the same
in all of them but for its share of traffic, which is no part of its pods: they are not restarted
when a canary or a shadow comes or goes. The same arguments give the same bytes.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from issuesum.errors import ParamsError
from issuesum.files import replacing_file
from issuesum.shipping.kubernetes.pod import CONTAINER, METRICS, RULES, PinnedImage, component

# Also the start of Services' names, which begin with a letter and end after 63 characters.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,53}[a-z0-9])?")
_ALL = 100  # percent


def write_manifests(
    folder: Path,
    name: str,
    image: PinnedImage,
    *,
    replicas: int,
    canary: PinnedImage | None = None,
    traffic: int = 10,
    shadow: PinnedImage | None = None,
    pull_secret: str | None = None,
) -> list[Path]:
    """Write the manifests that serve `image` under `name`; each file is replaced as a whole.

    A canary gets a file of its own, in which `traffic` percent of the requests (1 to 99) and as
    large a share of `replicas`, at least 1, are its. So does a shadow, which gets a copy of each
    request and whose answers are dropped. `pull_secret` names the Secret with which nodes pull.

    Returns:
        The files.

    Raises:
        ParamsError: Kubernetes does not take `name`, or a canary or shadow is `image` itself.
    """
    if not _NAME.fullmatch(name):
        raise ParamsError(
            "--name must be up to 55 of a-z, 0-9 and -, and begin with a letter. "
            f"Received: {name}. Try: issuesummarization."
        )
    for option, other in (("--canary", canary), ("--shadow", shadow)):
        if other and other.pinned == image.pinned:
            raise ParamsError(
                f"{option} must be another image than --image. Received: {other.pinned} for both. "
                "Try: the tag of another run."
            )

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
        share = predictor("canary", canary, traffic, math.ceil(replicas * traffic / _ALL))
        rest = {**default, "traffic": _ALL - traffic}
        files["canary.yaml"] = [_deployment(name, rest, share)]
    if shadow:
        # Its traffic is the share that is copied: without it, Ambassador would copy nothing.
        copied = {**predictor("shadow", shadow, _ALL, replicas), "shadow": True}
        files["shadow.yaml"] = [_deployment(name, default, copied)]
    for file, documents in files.items():
        with replacing_file(folder / file) as temporary:
            temporary.write_text(_text(documents), encoding="utf-8")
    return [folder / file for file in files]


def _text(documents: list[dict[str, Any]]) -> str:
    head = ["Written by `issuesum manifests` (docs/kubernetes.md); it writes it again."]
    if documents[0]["kind"] == "SeldonDeployment":
        head += RULES.splitlines()
    return "".join(f"# {line}\n" for line in head) + yaml.dump_all(
        documents, Dumper=_Dumper,
        sort_keys=False, allow_unicode=True, width=1000, explicit_start=True,
    )  # fmt: skip


class _Dumper(yaml.SafeDumper):
    """Writes what occurs twice twice, which people read more easily than an alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _deployment(name: str, *predictors: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
        "spec": {"predictors": list(predictors)},
    }


def _monitoring(name: str) -> list[dict[str, Any]]:
    # The services that Seldon's operator makes have no port for metrics. Ports are numbers and not
    # names, because the operator's container has a port named `metrics` too.
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "metrics"}
    ports = {"metrics": METRICS, "requests": 8000}  # its own counts and times requests
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
            # The operator sets this path for both containers.
            "endpoints": [
                {"port": port, "path": "/prometheus", "interval": "30s"} for port in ports
            ],
        },
    }
    return [service, monitor]
