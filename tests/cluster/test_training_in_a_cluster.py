"""What docs/kubernetes.md says about failures, in a real cluster."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from projects import Project
from real_cluster import CHIEF, RESOURCE, Namespace, Training, kubectl, push_image, wait_for

KINDS = pytest.mark.parametrize("kind", [*CHIEF])
KILL = """
import os, pathlib, signal
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    if b"-m\\0issuesum.stages" in path.read_bytes():
        os.kill(int(path.parent.name), signal.SIGKILL)
"""
# S3 as one Service of the namespace, so that it can go away and come back.
RELAY = """
apiVersion: v1
kind: Service
metadata: {name: s3}
spec:
  selector: {run: s3}
  ports: [{port: 9000}]
---
apiVersion: v1
kind: Pod
metadata:
  name: s3
  labels: {run: s3, sidecar.istio.io/inject: "false"}
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: relay
      image: IMAGE
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      command: [python3, -c]
      args:
        - |
          import asyncio
          async def pump(reader, writer):
              while data := await reader.read(65536):
                  writer.write(data)
                  await writer.drain()
              writer.close()
          async def serve(reader, writer):
              far = await asyncio.open_connection("HOST", PORT)
              await asyncio.gather(pump(reader, far[1]), pump(far[0], writer))
          async def main():
              async with await asyncio.start_server(serve, "0.0.0.0", 9000) as server:
                  await server.serve_forever()
          asyncio.run(main())
"""


@pytest.mark.parametrize("folder", ["training/job", "training/tfjob", "training/trainjob",
                                    "preprocess", "retrain"])  # fmt: skip
def test_every_folder_is_admitted_under_pod_security(folder: str, namespace: Namespace) -> None:
    known = kubectl("api-resources", "--output", "name")
    kind = folder.rpartition("/")[2]
    if kind.endswith("job") and kind != "job" and f"{kind}s." not in known:
        pytest.skip(f"the cluster knows no {kind}s")
    manifests = namespace.manifests(folder, "-dry")
    if kind == "trainjob":  # its server asks for the runtime, in a dry run too
        runtime, _, _ = manifests.partition("\n---\n")
        namespace("apply", "-f", "-", stdin=runtime)
    output = namespace("apply", "--dry-run=server", "-f", "-", stdin=manifests)
    assert "would violate" not in output
    assert "created (server dry run)" in output


@KINDS
@pytest.mark.parametrize("workers", [1, 2])
def test_the_result_comes_back(
    kind: str, workers: int, namespace: Namespace, clone: Project
) -> None:
    job = namespace.train(kind, f"-back{workers}", workers=workers)
    assert job.wait(), job.log()
    job.delete()
    done = clone.run("dvc", "repro", "--pull", "--single-item", "train")
    assert "Stage 'train' is cached - skipping run" in done.stdout
    assert (clone.path / "models/trained/model.weights.h5").is_file()


def kill(job: Training, pod: str) -> None:
    job.namespace("exec", pod, "--", "python3", "-c", KILL)


def delete(job: Training, pod: str) -> None:
    job.namespace("delete", "pod", pod, "--wait=false")


def evict(job: Training, pod: str) -> None:
    name = {"name": pod, "namespace": job.namespace.name}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": name}
    path = f"/api/v1/namespaces/{job.namespace.name}/pods/{pod}/eviction"
    kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))


def drain(job: Training, pod: str) -> None:
    node = job.namespace("get", "pod", pod, "--output", "jsonpath={.spec.nodeName}")
    only = f"--pod-selector={CHIEF[job.kind].format(job.name)}"  # and nothing of others
    flags = ["--delete-emptydir-data", "--force", "--ignore-daemonsets", "--timeout=60s"]
    try:
        kubectl("drain", node, only, *flags)
    finally:
        kubectl("uncordon", node)


@KINDS
@pytest.mark.parametrize("happens", [kill, delete, evict, drain], ids=lambda call: call.__name__)
def test_training_resumes_when_its_process_or_pod_is_lost(
    kind: str, happens: Callable[[Training, str], None], namespace: Namespace
) -> None:
    job = namespace.train(kind, f"-{happens.__name__}")
    pod = job.wait_for_validations(3)
    uid, since = job.pods()[-1]["metadata"]["uid"], time.monotonic()
    happens(job, pod)
    if happens is not kill:
        gone = lambda: uid not in [each["metadata"]["uid"] for each in job.pods() if  # noqa: E731
                                   each["status"]["phase"] == "Running"]  # fmt: skip
        wait_for(gone, 20, "the end of the pod")
        assert time.monotonic() - since < 20  # and not the 30 s after which it would be killed
    assert job.wait(), job.log()
    assert "taken up at step" in job.log()
    job.delete()


@KINDS
def test_several_workers_resume_when_the_chief_is_lost(kind: str, namespace: Namespace) -> None:
    job = namespace.train(kind, "-chief", workers=2)
    delete(job, job.wait_for_validations(3))
    assert job.wait(), job.log()
    assert "taken up at step" in job.log()
    job.delete()


def test_training_goes_on_while_s3_is_away(namespace: Namespace) -> None:
    host, _, port = namespace.s3.removeprefix("http://").partition(":")
    relay = RELAY.replace("IMAGE", namespace.image).replace("HOST", host).replace("PORT", port)
    namespace("apply", "-f", "-", stdin=relay)
    job = namespace.train("job", "-away", s3="http://s3:9000")
    pod = job.wait_for_validations(3)
    namespace("delete", "pod", "s3", "--grace-period=0", "--force")
    wait_for(lambda: "trying again in" in job.log(), 900, "a push without S3")
    namespace("apply", "-f", "-", stdin=relay)
    assert job.wait(), job.log()
    assert [each["metadata"]["name"] for each in job.pods()] == [pod]


@KINDS
def test_a_mistake_ends_the_job_with_the_line_of_the_stage(
    kind: str, namespace: Namespace, project: Project, tmp_path: Path
) -> None:
    wrong = project.copy(tmp_path / "wrong")
    wrong.edit("params.yaml", lambda text: text.replace("monitor: loss", "monitor: luck"))
    wrong.commit("wrong")
    job = namespace.train(kind, "-wrong", image=push_image(wrong))
    if kind == "tfjob":  # or its process would be started 13 times, after longer and longer pauses
        few = json.dumps({"spec": {"runPolicy": {"backoffLimit": 1, "cleanPodPolicy": "None"}}})
        namespace("patch", RESOURCE[kind], job.name, "--type=merge", "--patch", few)
    assert not job.wait()
    first, *_ = job.pods()
    (status,) = first["status"]["containerStatuses"]
    ended = status.get("lastState", {}).get("terminated") or status["state"]["terminated"]
    assert ended["exitCode"] == 2
    assert "error: train: " in ended["message"]
    if kind != "tfjob":  # whose operator counts every failure alike
        assert (status["restartCount"], len(job.pods())) == (0, 1)
    job.delete()
