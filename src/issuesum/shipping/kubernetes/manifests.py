"""What serves an image in a cluster, as files: by Seldon, by KServe, or by Kubernetes alone.

The same arguments give the same bytes.
"""

import re
from functools import partial
from pathlib import Path

import yaml

from issuesum.errors import ParamsError
from issuesum.files import replacing_file
from issuesum.shipping.kubernetes import Kind
from issuesum.shipping.kubernetes.kinds import (
    LABELS,
    Document,
    deployment,
    inference_service,
    seldon_deployments,
)
from issuesum.shipping.kubernetes.pod import METRICS, RULES, PinnedImage, pod

# Also the start of Services' names, which begin with a letter and end after 63 characters.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,53}[a-z0-9])?")
_MONITORING = "servicemonitor.yaml"


def write_manifests(
    folder: Path,
    name: str,
    image: PinnedImage,
    *,
    kind: Kind = "seldon",
    replicas: int,
    canary: PinnedImage | None = None,
    traffic: int = 10,
    shadow: PinnedImage | None = None,
    pull_secret: str | None = None,
) -> list[Path]:
    """Write the manifests that serve `image` under `name`; each file is replaced as a whole.

    Seldon's can have a canary, in a file of its own, in which `traffic` percent of the requests (1
    to 99) and as large a share of `replicas`, at least 1, are its. So can it have a shadow, which
    gets a copy of each request and whose answers are dropped. `pull_secret` names the Secret with
    which nodes pull.

    Returns:
        The file that serves, the one for a cluster with the Prometheus Operator, and the others.

    Raises:
        ParamsError: Kubernetes does not take `name`, a canary or shadow is `image` itself, or
            something other than Seldon is to have one.
    """
    if not _NAME.fullmatch(name):
        raise ParamsError(
            "--name must be up to 55 of a-z, 0-9 and -, and begin with a letter. "
            f"Received: {name}. Try: issuesummarization."
        )
    for option, other in (("--canary", canary), ("--shadow", shadow)):
        if other and kind != "seldon":
            raise ParamsError(
                f"{option} must be one of Seldon's. Received: --kind {kind}. Try: --kind seldon."
            )
        if other and other.pinned == image.pinned:
            raise ParamsError(
                f"{option} must be another image than --image. Received: {other.pinned} for both. "
                "Try: the tag of another run."
            )
    made = partial(pod, pull_secret=pull_secret)
    if kind == "kubernetes":
        files = {"deployment.yaml": deployment(name, made(image), replicas)}
    elif kind == "kserve":
        files = {"inferenceservice.yaml": inference_service(name, made(image), replicas)}
    else:
        files = seldon_deployments(
            name, made(image), replicas=replicas, canary=made(canary) if canary else None,
            traffic=traffic, shadow=made(shadow) if shadow else None,
        )  # fmt: skip
    first, *others = files
    files[_MONITORING] = _monitoring(name, kind)
    for file, documents in files.items():
        with replacing_file(folder / file) as temporary:
            temporary.write_text(_text(file, documents), encoding="utf-8")
    return [folder / file for file in (first, _MONITORING, *others)]


def _text(file: str, documents: list[Document]) -> str:
    head = ["Written by `issuesum manifests` (docs/kubernetes.md); it writes it again."]
    if file != _MONITORING:
        head += RULES.splitlines()
    return "".join(f"# {line}\n" for line in head) + yaml.dump_all(
        documents, Dumper=_Dumper,
        sort_keys=False, allow_unicode=True, width=1000, explicit_start=True,
    )  # fmt: skip


class _Dumper(yaml.SafeDumper):
    """Writes what occurs twice twice, which people read more easily than an alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _monitoring(name: str, kind: Kind) -> list[Document]:
    # The services that operators make have no port for metrics. Ports are numbers and not names,
    # because the container of Seldon's operator has a port named `metrics` too.
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "metrics"}
    ports, path = {"metrics": METRICS}, "/metrics"
    if kind == "seldon":  # its operator sets the path, also of its own counts and times of requests
        ports, path = {**ports, "requests": 8000}, "/prometheus"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{name}-metrics", "labels": labels},
        "spec": {
            "clusterIP": "None",
            "selector": {LABELS[kind]: name},
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
            "endpoints": [{"port": port, "path": path, "interval": "30s"} for port in ports],
        },
    }
    return [service, monitor]
