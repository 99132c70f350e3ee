"""The plain Deployment of `issuesum manifests`, under load while its pods come and go."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from issuesum.lineage.receipt import Receipt
from projects import Project
from real_cluster import Namespace, kubectl, wait_for

LOAD = """
apiVersion: v1
kind: Pod
metadata:
  name: load
  labels: {sidecar.istio.io/inject: "false"}
spec:
  restartPolicy: Never
  securityContext: {runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: load
      image: IMAGE
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      command: [python3, -uc]
      args:
        - |
          import json, threading, time, urllib.request
          text = json.dumps({"data": {"ndarray": ["the app crashes on start"]}}).encode()
          headers = {"Content-Type": "application/json"}
          url, failed, sent = "http://titles/api/v1.0/predictions", [], 0
          def ask():
              try:
                  request = urllib.request.Request(url, text, headers)
                  urllib.request.urlopen(request, timeout=20).read()
              except Exception as error:
                  failed.append(repr(error))
          until = time.monotonic() + SECONDS
          while time.monotonic() < until:
              threading.Thread(target=ask).start()
              sent += 1
              time.sleep(1 / 15)
          time.sleep(20)
          print(json.dumps({"sent": sent, "failed": failed}))
"""


@pytest.fixture(scope="module")
def served(project: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an image that serves: ISSUESUM_CLUSTER_SERVED, or one that is made here."""
    if image := os.environ.get("ISSUESUM_CLUSTER_SERVED"):
        return image
    copy = project.copy(tmp_path_factory.mktemp("served") / "project")
    copy.repro("export")
    return Receipt.load(copy.path / "serving/image.json").image


def test_updates_and_a_lost_pod_refuse_no_request(
    served: str, namespace: Namespace, project: Project, tmp_path: Path
) -> None:
    options = ("--kind", "kubernetes", "--name", "titles", "--output", str(tmp_path))
    project.issuesum("manifests", "--image", served, *options)
    rollout = ("rollout", "status", "deployment/titles", "--timeout=300s")
    namespace("apply", "-f", str(tmp_path / "deployment.yaml"))
    namespace(*rollout)
    load = LOAD.replace("IMAGE", namespace.image).replace("SECONDS", "150")
    namespace("apply", "-f", "-", stdin=load)
    # The node may have to pull the pipeline image first, which is large.
    namespace("wait", "pod/load", "--for=condition=Ready", "--timeout=600s")
    namespace("rollout", "restart", "deployment/titles")
    namespace(*rollout)
    pods = namespace("get", "pods", "--selector=app.kubernetes.io/name=titles", "--output=name")
    namespace("delete", pods.split()[0], "--wait=false")
    namespace(*rollout)
    assert "Running" in namespace("get", "pod", "load")  # all of it happened under load
    wait_for(lambda: '"sent"' in namespace("logs", "load"), 240, "the end of the load")
    found = json.loads(namespace("logs", "load").splitlines()[-1])
    assert (found["failed"], found["sent"] > 15 * 100) == ([], True)
    namespace("delete", "deployment/titles", "pod/load", "--wait=false")


def test_seldons_deployment_becomes_available(
    served: str, namespace: Namespace, project: Project, tmp_path: Path
) -> None:
    if "seldondeployments.machinelearning.seldon.io" not in kubectl("api-resources", "-o", "name"):
        pytest.skip("the cluster knows no seldondeployments")
    options = ("--name", "seldon", "--replicas", "1", "--output", str(tmp_path))
    project.issuesum("manifests", "--image", served, *options)
    namespace("apply", "-f", str(tmp_path / "seldondeployment.yaml"))
    available = "--for=jsonpath={.status.state}=Available"
    namespace("wait", "seldondeployment/seldon", available, "--timeout=300s")
    namespace("delete", "seldondeployment/seldon", "--wait=false")
