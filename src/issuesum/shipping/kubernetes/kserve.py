"""KServe's InferenceService with our container: the Open Inference Protocol, version 2."""

from __future__ import annotations

from typing import Any

from issuesum.shipping.kubernetes.pod import HTTP, PinnedImage, pod


def inference_service(
    name: str, image: PinnedImage, *, replicas: int, pull_secret: str | None
) -> dict[str, Any]:
    """Return the service, whose Deployment has a fixed number of pods.

    KServe's clients ask for the model by the service's name, so the server is told that name.
    """
    made = pod(image, pull_secret=pull_secret)
    (container,) = made["spec"]["containers"]
    container["name"] = "kserve-container"
    container["ports"] = [{"name": "http1", "containerPort": HTTP, "protocol": "TCP"}]  # one alone
    container["env"].append({"name": "ISSUESUM_MODEL_NAME", "value": name})
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        container[probe]["httpGet"]["port"] = HTTP  # KServe takes no name here
    scale = {"minReplicas": replicas, "maxReplicas": replicas}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/name": name},
            "annotations": {"serving.kserve.io/deploymentMode": "Standard"},
        },
        "spec": {"predictor": {**scale, **made["metadata"], **made["spec"]}},
    }


def selector(name: str) -> dict[str, str]:
    """Return the label that KServe gives to the pods."""
    return {"serving.kserve.io/inferenceservice": name}
