"""What Prometheus needs to find the metrics: a Service, and a ServiceMonitor that selects it.

The services that Seldon's operator makes have no port for metrics. Numbers and not names stand
behind the ports, because the operator's container has a port named `metrics` too.
"""

from __future__ import annotations

from typing import Any

from issuesum.shipping.kubernetes.pod import METRICS

_ORCHESTRATOR = 8000  # the operator's container, which counts and times requests
_PATH = "/prometheus"  # what the operator sets for both containers


def monitoring(name: str) -> list[dict[str, Any]]:
    """Return Service and ServiceMonitor for all predictors of the SeldonDeployment `name`."""
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
