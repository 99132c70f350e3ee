"""The manifests of deploy/training are what a cluster takes, and what they should be."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from manifests import IMAGE, assert_least_rights, read_manifest
from schemas import read_definition, schema_of, validate, validate_pod

NAMES = ["tfjob", "tfjob-distributed", "trainjob", "trainjob-distributed"]
SCHEMAS = {
    "TFJob": "kubeflow.org_tfjobs.yaml",
    "TrainJob": "trainer.kubeflow.org_trainjobs.yaml",
}
CONTAINERS = {"TFJob": "tensorflow", "TrainingRuntime": "node"}  # as the operators want them


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "deploy/training"


@pytest.fixture(scope="module")
def documents(folder: Path) -> dict[str, list[dict]]:
    """Return the documents of each file."""
    return {path.stem: read_manifest(path) for path in folder.glob("*.yaml")}


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def job(name: str, documents: dict) -> dict:
    return documents[name][-1]


@pytest.fixture
def owner(name: str, documents: dict) -> dict:
    """Return the document that holds the pod template."""
    return documents[name][0]


@pytest.fixture
def pod(owner: dict) -> dict:
    return template_of(owner)["spec"]


def template_of(owner: dict) -> dict:
    if owner["kind"] == "TFJob":
        return owner["spec"]["tfReplicaSpecs"]["Worker"]["template"]
    (replicated,) = owner["spec"]["template"]["spec"]["replicatedJobs"]
    return replicated["template"]["spec"]["template"]


@pytest.fixture(scope="module")
def definitions(shared: Path) -> dict[str, dict]:
    """Return the resource definitions of the operators, by kind."""
    return {kind: read_definition(shared / "schemas" / name) for kind, name in SCHEMAS.items()}


@pytest.fixture
def schema(job: dict, definitions: dict[str, dict]) -> dict:
    return schema_of(job, definitions[job["kind"]])


def test_jobs_fit_the_schema_of_their_operator(job: dict, schema: dict) -> None:
    validator = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(job)] == []


def test_that_schema_refuses_what_it_does_not_know(job: dict, schema: dict) -> None:
    validator = jsonschema.Draft202012Validator(schema)
    job = copy.deepcopy(job)
    job["spec"]["replicas"] = 2
    assert not validator.is_valid(job)


def test_pods_fit_the_schema_of_kubernetes(owner: dict) -> None:
    validate_pod(template_of(owner))


def test_jobs_of_the_runtimes_fit_the_schema_of_kubernetes(documents: dict) -> None:
    for name in ("trainjob", "trainjob-distributed"):
        (replicated,) = documents[name][0]["spec"]["template"]["spec"]["replicatedJobs"]
        job = {"apiVersion": "batch/v1", "kind": "Job", **replicated["template"]}
        validate(job)


def test_config_and_claim_fit_the_schema_of_kubernetes(documents: dict) -> None:
    for document in documents["storage"]:
        validate(document)


def test_pods_run_with_the_least_rights(pod: dict, folder: Path) -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (folder / "Dockerfile").read_text(), re.MULTILINE)
    assert_least_rights(pod, *map(int, user.groups()))
    assert pod["securityContext"]["fsGroup"] == int(user[2])


def test_what_the_image_writes_to_is_mounted_and_exists(pod: dict, documents: dict) -> None:
    (container,) = pod["containers"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts) == {"/work", "/tmp"}  # noqa: S108 -- a folder of the container
    assert set(mounts.values()) == set(volumes)
    claims = {
        document["metadata"]["name"]
        for document in documents["storage"]
        if document["kind"] == "PersistentVolumeClaim"
    }
    for volume in volumes.values():
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        assert claim in claims if claim else volume["emptyDir"] == {}


def test_credentials_come_from_a_secret_that_is_in_no_file(
    pod: dict, documents: dict, folder: Path
) -> None:
    (container,) = pod["containers"]
    assert "env" not in container
    secret, config = container["envFrom"]
    assert secret == {"secretRef": {"name": "issuesum-s3"}}
    (defined,) = [each for each in documents["storage"] if each["kind"] == "ConfigMap"]
    assert config["configMapRef"] == {"name": defined["metadata"]["name"], "optional": True}
    assert set(defined["data"]) == {"AWS_ENDPOINT_URL_S3"}
    kinds = {document["kind"] for file in documents.values() for document in file}
    assert "Secret" not in kinds
    for path in folder.iterdir():
        if path.is_file():
            assert "AWS_SECRET_ACCESS_KEY" not in path.read_text(encoding="utf-8")


def test_one_image_for_all_and_one_with_gpu_support(name: str, job: dict, pod: dict) -> None:
    (container,) = pod["containers"]
    gpus = container["resources"]["limits"].get("nvidia.com/gpu", 0)
    assert gpus == ("distributed" in name)
    expected = f"{IMAGE}-gpu" if gpus else IMAGE
    assert container["image"] == expected
    assert job["spec"].get("trainer", {}).get("image", expected) == expected
    assert "command" not in container  # the image's own


def test_jobs_are_made_as_their_operators_want_it(name: str, job: dict, owner: dict) -> None:
    (container,) = template_of(owner)["spec"]["containers"]
    assert container["name"] == CONTAINERS[owner["kind"]]
    if job["kind"] == "TFJob":
        worker = job["spec"]["tfReplicaSpecs"]["Worker"]
        workers, restarts = worker["replicas"], worker["restartPolicy"]
        limit = job["spec"]["runPolicy"]["backoffLimit"]
    else:
        assert job["spec"]["runtimeRef"]["kind"] == owner["kind"]
        assert job["spec"]["runtimeRef"]["name"] == owner["metadata"]["name"]
        (replicated,) = owner["spec"]["template"]["spec"]["replicatedJobs"]
        assert replicated["name"] == "node"
        labels = replicated["template"]["metadata"]["labels"]
        assert labels == {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
        assert owner["spec"]["mlPolicy"]["torch"] == {}
        workers, restarts = (
            job["spec"]["trainer"]["numNodes"],
            template_of(owner)["spec"]["restartPolicy"],
        )
        limit = replicated["template"]["spec"]["backoffLimit"]
    assert restarts == "OnFailure"
    assert limit == 3 * workers
    assert (workers > 1) == ("distributed" in name)
    claims = [v for v in template_of(owner)["spec"]["volumes"] if "persistentVolumeClaim" in v]
    assert len(claims) == (workers == 1)  # pods of one template would share it


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
