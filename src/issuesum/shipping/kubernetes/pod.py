"""The pod that serves: one container, as strict as `issuesum.shipping.image.container` tries it.

Seldon's operator adds its own container, and reads what it must know from names: the container's
is that of the graph's node, and ports are `http`, `grpc` and `metrics`.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from issuesum.errors import ParamsError, RegistryError
from issuesum.lineage.provenance.lookup import OUR_TAG
from issuesum.registry.client import Registry
from issuesum.registry.image import read_image
from issuesum.registry.labels import VARIABLE
from issuesum.registry.reference import Reference

CONTAINER = "issuesummarization"  # not IssueSummarization: Kubernetes wants lower case
ANNOTATION = "io.issuesum/image"
ARCHITECTURE = "kubernetes.io/arch"  # label of nodes
HTTP, GRPC, METRICS = 9000, 5000, 6000
USER = 10001  # the image's

_WORKERS, _THREADS = 2, 2  # a thread is free for probes while the other waits for a title

# All times follow from two: a start takes START seconds (measured: about 4), and gunicorn gives
# requests DRAIN seconds to end after SIGTERM (its default).
_START, _DRAIN = 4, 30
_GRPC_DRAIN = 20  # what the image gives those over gRPC after that
_PATIENCE = 15  # starts on a cold, busy node may take that many times longer
_UNROUTE = 10  # until no proxy of the cluster sends requests to a pod that is going

RULES = f"""\
Probes: a start took about {_START} s, so a pod gets {_PATIENCE} times that before it is started
again. Ready is asked every 5 s, and two failures take the pod out of the service; live may fail as
long as a start may take, so that a pod that is only busy is left alone. A pod that is to go still
answers for {_UNROUTE} s, then has {_DRAIN} s for what it has begun over REST, and
{_GRPC_DRAIN} s over gRPC.
Resources: at rest two workers took 212 MiB, and with four requests of 512 texts at a time 314: the
limit leaves room for long texts. A worker computes on one core."""
"""Why the numbers are what they are, for the head of a file: YAML's writer keeps no comments."""


@dataclass(frozen=True)
class PinnedImage:
    """An image that a registry holds."""

    reference: str  # as it was named: registry/name:tag, or by digest
    pinned: str  # registry/name@sha256:…, which can never name another image
    carried: Mapping[str, str] = field(default_factory=dict)  # its own labels
    architecture: str = ""  # of the nodes that can run it, as Kubernetes names it; empty: unknown

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, for the server to compare; those of a tag of ours replace its own."""
        tag = self.reference.partition("@")[0].rpartition(":")[2]
        git, _, dvc = tag.rpartition("-")
        of_tag = {"io.issuesum.git": git, "io.issuesum.dvc": dvc} if OUR_TAG.fullmatch(tag) else {}
        return {**self.carried, **of_tag}


def resolve(reference: str) -> PinnedImage:
    """Ask the registry for digest and labels of registry/name:tag, …@sha256:… or both.

    Of both the digest counts. Without a registry in it, each node would look where its runtime is
    set to look.

    Raises:
        ArtifactError: what the registry holds is no image.
        ParamsError: `reference` is nothing of these.
        RegistryError: the registry does not hold it, is unreachable or refuses us.
    """
    wanted = None
    with suppress(ParamsError):
        wanted = Reference.parse(reference)
    named = wanted and reference.startswith(f"{wanted.host}/") and (wanted.tag or wanted.digest)
    if not wanted or not named:
        raise ParamsError(
            "An image must be registry/name:tag or registry/name@sha256:…. "
            f"Received: {reference}. Try: the image in serving/image.json."
        )
    wanted = wanted.at(wanted.digest) if wanted.digest else wanted
    registry = Registry(wanted.host)
    digest = registry.digest(wanted)
    if digest is None:
        raise RegistryError(
            f"{wanted.host} must hold {wanted}. Received: no such image. "
            "Try: dvc repro -f -s export, which pushes the image of this tree, or another address."
        )
    pinned = wanted.at(digest)
    found = read_image(registry, pinned)
    return PinnedImage(reference, str(pinned), found.labels, found.architecture)


def pod(image: PinnedImage, *, pull_secret: str | None) -> dict[str, Any]:
    """Return metadata and spec of pods that run `image`, pulled with that Secret."""
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": _UNROUTE + _DRAIN + _GRPC_DRAIN + 5,
        "containers": [_container(image)],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }
    if image.architecture:
        spec["nodeSelector"] = {ARCHITECTURE: image.architecture}
    if pull_secret:
        spec["imagePullSecrets"] = [{"name": pull_secret}]
    # Not among the annotations of Seldon's predictor: some operators take their values for names of
    # others (addEngineToDeployment), and an image is none.
    return {"metadata": {"annotations": {ANNOTATION: image.reference}}, "spec": spec}


def _container(image: PinnedImage) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": image.pinned,
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"}
            for name, port in (("http", HTTP), ("grpc", GRPC), ("metrics", METRICS))
        ],
        "env": [
            {"name": "GUNICORN_WORKERS", "value": str(_WORKERS)},
            {"name": "GUNICORN_THREADS", "value": str(_THREADS)},
            {"name": "ISSUESUM_THREADS", "value": "1"},
            *([{"name": VARIABLE, "value": json.dumps(image.labels)}] if image.labels else []),
        ],
        "resources": {
            "requests": {"cpu": "500m", "memory": "256Mi"},
            "limits": {"cpu": str(_WORKERS), "memory": "1Gi"},
        },
        "startupProbe": _probe("ready", period=2, timeout=2, seconds=_PATIENCE * _START),
        "readinessProbe": _probe("ready", period=5, timeout=2, seconds=10),
        "livenessProbe": _probe("live", period=10, timeout=5, seconds=_PATIENCE * _START),
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sleep", str(_UNROUTE)]}}},
        # Here and not at the pod: Seldon's operator puts its own in the place of the pod's.
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 -- in the container
    }


def _probe(which: str, *, period: int, timeout: int, seconds: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": f"/v2/health/{which}", "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": seconds // period,
    }
