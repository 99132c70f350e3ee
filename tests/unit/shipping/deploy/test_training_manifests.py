"""The kustomizations of deploy/training make what a cluster takes, and what it should be."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import yaml

from issuesum.errors import ArtifactError, ClusterError, DataError, GateError, ParamsError
from manifests import IMAGE, assert_least_rights, overlay, render
from schemas import read_definition, schema_of, validate, validate_pod, validator

KINDS = {"job": "Job", "tfjob": "TFJob", "trainjob": "TrainJob"}
SCHEMAS = {
    "TFJob": "kubeflow.org_tfjobs.yaml",
    "TrainJob": "trainer.kubeflow.org_trainjobs.yaml",
    "TrainingRuntime": "trainer.kubeflow.org_trainingruntimes.yaml",
}
LARGE = ("training/gpu", "training/workers", "pod/into-jobs")


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "deploy/training"


@pytest.fixture(scope="module")
def rendered(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    """Return the documents of each folder, and of an overlay with a suffix and four GPUs."""
    large = {
        f"{name}-large": render(overlay(tmp_path_factory.mktemp(name), f"training/{name}", *LARGE,
                                        nameSuffix="-large"))
        for name in KINDS
    }  # fmt: skip
    return {name: render(folder / name) for name in KINDS} | large


@pytest.fixture(params=[*KINDS, *(f"{name}-large" for name in KINDS)])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def documents(name: str, rendered: dict) -> dict[str, dict]:
    """Return the documents by kind."""
    found = {document["kind"]: document for document in rendered[name]}
    assert len(found) == len(rendered[name])
    return found


@pytest.fixture
def template(documents: dict) -> dict:
    return template_of(documents)


@pytest.fixture
def pod(template: dict) -> dict:
    return template["spec"]


def template_of(documents: dict) -> dict:
    if job := documents.get("TFJob"):
        return job["spec"]["tfReplicaSpecs"]["Worker"]["template"]
    return job_of(documents)["spec"]["template"]


def job_of(documents: dict) -> dict:
    """Return the Job of Kubernetes, which is part of a runtime for TrainJobs."""
    if runtime := documents.get("TrainingRuntime"):
        (replicated,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
        return {"apiVersion": "batch/v1", "kind": "Job", **replicated["template"]}
    return documents["Job"]


@pytest.fixture(scope="module")
def definitions(shared: Path) -> dict[str, dict]:
    """Return the resource definitions of the operators, by kind."""
    return {kind: read_definition(shared / "schemas" / name) for kind, name in SCHEMAS.items()}


def test_they_fit_the_schemas_of_kubernetes_and_of_the_operators(
    name: str, documents: dict, definitions: dict[str, dict]
) -> None:
    assert KINDS[name.removesuffix("-large")] in documents
    for document in documents.values():
        if document["kind"] not in definitions:
            validate(document)
            continue
        schema = schema_of(document, definitions[document["kind"]])
        checked = validator(schema)
        assert [error.message for error in checked.iter_errors(document)] == []
        wrong = copy.deepcopy(document)
        wrong["spec"]["jobs"] = 2
        assert not checked.is_valid(wrong)
    validate_pod(template_of(documents))
    if "TFJob" not in documents:
        validate(job_of(documents))


def test_pods_run_with_the_least_rights(pod: dict, folder: Path) -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (folder / "Dockerfile").read_text(), re.MULTILINE)
    assert_least_rights(pod, *map(int, user.groups()))


def test_no_sidecar_is_injected(template: dict) -> None:
    assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert template["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"


def test_credentials_come_from_a_secret_that_need_not_be_there(pod: dict, root: Path) -> None:
    (container,) = pod["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "issuesum-s3", "optional": True}}]
    assert pod["imagePullSecrets"] == [{"name": "issuesum-pull"}]
    for path in (root / "deploy").rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert "AWS_SECRET_ACCESS_KEY:" not in text
        assert "kind: Secret" not in text


def test_the_settings_are_written_to_one_file(pod: dict, documents: dict, root: Path) -> None:
    (container,) = pod["containers"]
    assert container["image"] == IMAGE
    assert "command" not in container  # the image's own
    assert {document["metadata"]["namespace"] for document in documents.values()} == {"default"}
    places = [
        path.relative_to(root / "deploy").as_posix()
        for path in (root / "deploy").rglob("*.yaml")
        if re.search(r"registry\.example\.com/issuesum-pipeline|s3\.example\.com|namespace:",
                     path.read_text(encoding="utf-8"))
    ]  # fmt: skip
    assert places == ["settings/kustomization.yaml"]


def test_gpus_and_workers_are_those_of_the_overlay(name: str, pod: dict, documents: dict) -> None:
    is_large = name.endswith("-large")
    (container,) = pod["containers"]
    assert container["resources"]["limits"].get("nvidia.com/gpu", 0) == is_large
    assert ("tolerations" in pod) == is_large
    variables = {each["name"]: each["value"] for each in container["env"]}
    workers = 4 if is_large else 1
    assert variables.get("ISSUESUM_WORKERS", "1") == str(workers)
    if job := documents.get("TFJob"):
        assert job["spec"]["tfReplicaSpecs"]["Worker"]["replicas"] == workers
    elif job := documents.get("TrainJob"):
        assert job["spec"]["trainer"]["numNodes"] == workers
    else:
        spec = documents["Job"]["spec"]
        assert (spec["completions"], spec["parallelism"]) == (workers, workers)


def test_jobs_are_made_as_their_operators_want_it(name: str, documents: dict, pod: dict) -> None:
    ending = "-large" if name.endswith("-large") else ""
    named = {document["metadata"]["name"] for document in documents.values()}
    assert named == {f"issuesum-train{ending}"}
    (container,) = pod["containers"]
    if job := documents.get("TFJob"):
        assert container["name"] == "tensorflow"
        assert job["spec"]["tfReplicaSpecs"]["Worker"]["restartPolicy"] == "OnFailure"
        assert job["spec"]["enableDynamicWorker"] is True  # else a lost pod ends the job
        return
    assert pod["restartPolicy"] == "Never"  # as a podFailurePolicy wants it
    if job := documents.get("TrainJob"):
        runtime = documents["TrainingRuntime"]
        assert job["spec"]["runtimeRef"]["kind"] == "TrainingRuntime"
        assert job["spec"]["runtimeRef"]["name"] == runtime["metadata"]["name"]
        (replicated,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
        assert (replicated["name"], container["name"]) == ("node", "node")
        labels = replicated["template"]["metadata"]["labels"]
        assert labels == {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
        assert runtime["spec"]["mlPolicy"]["torch"] == {}
        return
    service = documents["Service"]
    assert documents["Job"]["spec"]["completionMode"] == "Indexed"
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"
    own = {"batch.kubernetes.io/job-name": documents["Job"]["metadata"]["name"]}
    assert service["spec"]["selector"] == own


def test_a_mistake_ends_a_job_and_a_lost_pod_is_not_counted(documents: dict) -> None:
    if "TFJob" in documents:
        return  # its operator has no such policy
    failed, gone = job_of(documents)["spec"]["podFailurePolicy"]["rules"]
    mistakes = [kind.exit_code for kind in (ParamsError, DataError, ArtifactError, GateError)]
    assert failed["action"] == "FailJob"
    assert failed["onExitCodes"] == {"operator": "In", "values": mistakes}
    assert ClusterError.exit_code not in mistakes  # that of workers whose peer is gone
    assert gone == {
        "action": "Ignore",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }


def test_the_image_starts_and_copies_what_there_is(folder: Path, root: Path) -> None:
    text = (folder / "Dockerfile").read_text(encoding="utf-8")
    (entry,) = re.findall(r'^ENTRYPOINT \["python3", "/app/(.*)"\]$', text, re.MULTILINE)
    assert (root / entry).is_file()
    copied = [words.split()[:-1] for words in re.findall(r"^COPY (.*)$", text, re.MULTILINE)]
    sources = [source for group in copied for source in group]
    assert entry in sources
    assert [source for source in sources if not (root / source).exists()] == []


def test_the_image_holds_all_that_training_depends_on(folder: Path, root: Path) -> None:
    text = (folder / "Dockerfile").read_text(encoding="utf-8")
    copied = set(re.findall(r"^COPY (?:.* )?(\S+) /app/\S+$", text, re.MULTILINE))
    pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))
    for dependency in pipeline["stages"]["train"]["deps"]:
        assert dependency == "data/features" or dependency.split("/")[0] in copied
