"""What is applied in a cluster: the rendered documents of deploy/training, for one training."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from issuesum.automation.submit.cluster import Kubectl
from issuesum.automation.submit.manifests import FOLDER, RESOURCES, Manifests, Variant
from issuesum.errors import ClusterError, ParamsError
from issuesum.registry.image import RemoteImage, architecture
from issuesum.registry.reference import Reference
from missing import without

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "issuesum-train-0123456789ab"
OWN = architecture()
DIGEST = "sha256:" + "0" * 64
IMAGE = f"registry.example.com/issuesum-pipeline@{DIGEST}"


@pytest.fixture(scope="module", params=RESOURCES)
def manifests(request: pytest.FixtureRequest, root: Path) -> Manifests:
    if not shutil.which("kubectl"):
        without("no kubectl on PATH")
    folder = root / FOLDER / request.param
    found = Manifests.of(Kubectl().rendered(folder), folder)
    assert found.kind == request.param
    return found


def _made(
    manifests: Manifests, variant: Variant | None = None, workers: int | None = None
) -> list[dict]:
    image = RemoteImage(Reference.parse(IMAGE), 0, {}, "", (), "arm64")
    return manifests.made_for(COMMIT, variant or Variant(), image, "team", workers)


def _pods(documents) -> list[dict]:
    found = []
    waiting = list(documents)
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found += [each] if "containers" in each.get("spec", {}) else []
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found


def test_a_training_has_names_image_and_nodes_of_its_own(manifests: Manifests) -> None:
    documents = _made(manifests)
    assert {each["metadata"]["name"] for each in documents} == {NAME}
    assert {each["metadata"]["namespace"] for each in documents} == {"team"}
    assert documents[-1]["kind"].lower() == manifests.kind, "applied after what it needs"
    (pod,) = _pods(documents)
    assert [each["image"] for each in pod["spec"]["containers"]] == [IMAGE]
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/arch": "arm64"}
    assert pod["metadata"]["labels"]["app.kubernetes.io/instance"] == NAME
    by_kind = {each["kind"]: each for each in documents}
    if manifests.kind == "job":
        assert pod["spec"]["subdomain"] == NAME
        assert by_kind["Service"]["spec"]["selector"] == {"app.kubernetes.io/instance": NAME}
    if manifests.kind == "trainjob":
        assert by_kind["TrainJob"]["spec"]["runtimeRef"]["name"] == NAME


@pytest.mark.parametrize(
    ("nodes", "wanted"),
    [(["s390x", OWN], OWN), (["s390x", "other"], "other"), ([], None), (None, None)],
)
def test_the_image_is_for_nodes_of_the_cluster(
    nodes: list[str] | None, wanted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def items(*_: str) -> list[dict]:
        if nodes is None:
            raise ClusterError("may not list nodes")
        return [{"metadata": {"labels": {"kubernetes.io/arch": each}}} for each in nodes]

    monkeypatch.setattr(Kubectl, "items", items)
    assert Kubectl().architecture() == wanted


def test_or_for_those_that_the_pods_select(manifests: Manifests) -> None:
    assert manifests.architecture is None
    assert Manifests(tuple(_made(manifests))).architecture == "arm64"


def test_workers_and_params_reach_the_pods(manifests: Manifests) -> None:
    variant = Variant.of(["train.dropout=0.2"], {"dropout": 0.2})
    documents = _made(manifests, variant, 3)
    assert documents[-1]["metadata"]["name"] == f"{NAME}-{variant.fingerprint}"
    (pod,) = _pods(documents)
    (container,) = pod["spec"]["containers"]
    values = {each["name"]: each.get("value") for each in container["env"]}
    assert values["ISSUESUM_WORKERS"] == "3"
    assert values["ISSUESUM_PARAMS"] == '["train.dropout=0.2"]'
    spec = documents[-1]["spec"]
    replicas = {
        "job": lambda: [spec["completions"], spec["parallelism"]],
        "tfjob": lambda: [spec["tfReplicaSpecs"]["Worker"]["replicas"]],
        "trainjob": lambda: [spec["trainer"]["numNodes"]],
    }
    assert set(replicas[manifests.kind]()) == {3}


def test_an_image_for_gpus_is_built_where_a_container_asks_for_one(manifests: Manifests) -> None:
    assert not manifests.asks_for_gpus
    documents = _made(manifests)
    (pod,) = _pods(documents)
    pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = 1
    assert Manifests(tuple(documents)).asks_for_gpus


def test_equal_params_are_one_variant_however_they_are_written() -> None:
    one, other = (Variant.of([text], {"dropout": 0.2}) for text in ("a=0.2", "a=0.20"))
    assert one.fingerprint == other.fingerprint
    assert Variant.of(["a=0.2"], {"dropout": 0.3}).fingerprint != one.fingerprint


@pytest.mark.parametrize("kinds", [[], ["Service"], ["Job", "TFJob"]])
def test_a_kustomization_must_hold_one_job(kinds: list[str], tmp_path: Path) -> None:
    documents = [{"kind": kind, "metadata": {"name": "x"}} for kind in kinds]
    with pytest.raises(ParamsError, match=r"must hold one Job, TFJob or TrainJob\. Received: "):
        Manifests.of(documents, tmp_path)
