"""What `issuesum manifests` writes is what a cluster takes, and what it should be.

No cluster is needed: the files of deploy/serving/example are looked at, and they are the verb's.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest
import yaml

from issuesum.errors import ParamsError
from issuesum.shipping.kubernetes.manifests import PinnedImage, write_manifests
from schemas import read_definition, schema_of, validate, validate_pod, validator
from serving_example import DIGESTS, EXAMPLE, NAME, TAG, run, write

DEFINITION = "machinelearning.seldon.io_seldondeployments.yaml"
DEPLOYMENTS = ["seldondeployment", "canary", "shadow"]
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123; no schema holds it


@pytest.fixture(scope="module")
def documents() -> dict[str, list[dict]]:
    """Return the documents of each file."""
    return {
        path.stem: list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        for path in EXAMPLE.glob("*.yaml")
    }


@pytest.fixture(params=DEPLOYMENTS)
def deployment(request: pytest.FixtureRequest, documents: dict) -> dict:
    (document,) = documents[request.param]
    return document


@pytest.fixture
def components(deployment: dict) -> list[dict]:
    return [
        component
        for predictor in deployment["spec"]["predictors"]
        for component in predictor["componentSpecs"]
    ]


@pytest.fixture
def containers(components: list[dict]) -> list[dict]:
    return [container for each in components for container in each["spec"]["containers"]]


@pytest.fixture(scope="module")
def definition(shared: Path) -> dict:
    return read_definition(shared / "schemas" / DEFINITION)


def spec_of_pods(
    image: PinnedImage, folder: Path, name: str = "titles", pull_secret: str | None = None
) -> dict:
    first, *_ = write_manifests(folder, name, image, replicas=2, pull_secret=pull_secret)
    (predictor,) = yaml.safe_load(first.read_text(encoding="utf-8"))["spec"]["predictors"]
    return predictor["componentSpecs"][0]["spec"]


def in_mib(quantity: str) -> int:
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


def test_the_committed_files_are_what_the_verb_writes(tmp_path: Path) -> None:
    write(tmp_path)
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text(encoding="utf-8") for path in EXAMPLE.iterdir()}
    assert committed == written  # else: python tests/support/serving_example.py


def test_deployments_fit_the_schema_of_their_operator(deployment: dict, definition: dict) -> None:
    checked = validator(schema_of(deployment, definition))
    assert [error.message for error in checked.iter_errors(deployment)] == []
    wrong = copy.deepcopy(deployment)
    wrong["spec"]["predictors"][0]["componentSpecs"][0]["spec"]["container"] = []
    assert not checked.is_valid(wrong)


def test_pods_and_the_service_fit_the_schema_of_kubernetes(
    components: list[dict], documents: dict
) -> None:
    for component in components:
        metadata = {"name": "pod", **component["metadata"]}
        validate_pod({"metadata": metadata, "spec": component["spec"]})
    validate(documents["servicemonitor"][0])


def test_names_are_those_that_kubernetes_and_the_operator_take(
    deployment: dict, containers: list[dict]
) -> None:
    names = [predictor["name"] for predictor in deployment["spec"]["predictors"]]
    assert len(set(names)) == len(names)
    for name in (*names, *(container["name"] for container in containers)):
        assert LABEL.fullmatch(name)
    for predictor in deployment["spec"]["predictors"]:
        (component,) = predictor["componentSpecs"]
        (container,) = component["spec"]["containers"]
        assert predictor["graph"] == {"name": container["name"], "type": "MODEL"}
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports == {"http": 9000, "grpc": 5000, "metrics": 6000}


def test_images_are_pinned_and_labelled_by_tag(components: list[dict]) -> None:
    for component in components:
        (container,) = component["spec"]["containers"]
        tag = component["metadata"]["annotations"]["io.issuesum/image"]
        assert container["image"] == f"{NAME}@{DIGESTS[tag]}"


def test_the_server_is_given_the_lineage_in_its_tag(components: list[dict]) -> None:
    for component in components:
        (container,) = component["spec"]["containers"]
        (labels,) = (json.loads(each["value"]) for each in container["env"]
                     if each["name"] == "ISSUESUM_LABELS")  # fmt: skip
        tag = component["metadata"]["annotations"]["io.issuesum/image"].rpartition(":")[2]
        assert f"{labels['io.issuesum.git']}-{labels['io.issuesum.dvc']}" == tag


@pytest.mark.parametrize(
    ("reference", "labels"),
    [
        (f"{NAME}:0123456789ab-dirty-ba9876543210@sha256:0",
         {"io.issuesum.git": "0123456789ab-dirty", "io.issuesum.dvc": "ba9876543210"}),
        (f"{NAME}:latest", {}),
        (f"{NAME}@sha256:0", {}),
    ],
)  # fmt: skip
def test_a_name_without_a_lineage_hands_nothing(
    reference: str, labels: dict, tmp_path: Path
) -> None:
    image = PinnedImage(reference, f"{NAME}@sha256:0")
    assert image.labels == labels
    (container,) = spec_of_pods(image, tmp_path)["containers"]
    assert ("ISSUESUM_LABELS" in {each["name"] for each in container["env"]}) == bool(labels)


def test_the_server_is_handed_the_labels_of_its_image_but_the_lineage_of_its_tag() -> None:
    own = {"io.issuesum.git": "another", "io.issuesum.provenance": "0" * 64}
    image = PinnedImage(f"{NAME}:0123456789ab-ba9876543210", f"{NAME}@sha256:0", own)
    of_tag = {"io.issuesum.git": "0123456789ab", "io.issuesum.dvc": "ba9876543210"}
    assert image.labels == {**own, **of_tag}


def test_no_annotation_is_a_predictors(deployment: dict) -> None:
    # The operator would take its value for the key of an annotation of the pod.
    assert not any("annotations" in predictor for predictor in deployment["spec"]["predictors"])


def test_pods_run_with_the_least_rights(components: list[dict], root: Path) -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (root / "Dockerfile").read_text(), re.MULTILINE)
    for component in components:
        pod = component["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert "securityContext" not in pod  # the operator would drop it without a word
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": int(user[1]),
            "runAsGroup": int(user[2]),
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert mounts == {"/tmp": "tmp"}  # noqa: S108 -- a folder of the container
        assert [(each["name"], "emptyDir" in each) for each in pod["volumes"]] == [("tmp", True)]


def test_a_pod_is_given_time_to_start_and_to_end(components: list[dict]) -> None:
    for component in components:
        (container,) = component["spec"]["containers"]
        probes = {kind: container[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")}
        for kind, path in (("startup", "ready"), ("readiness", "ready"), ("liveness", "live")):
            assert probes[kind]["httpGet"] == {"path": f"/v2/health/{path}", "port": "http"}
        lasts = {
            kind: probe["periodSeconds"] * probe["failureThreshold"]
            for kind, probe in probes.items()
        }
        assert lasts["startup"] >= 10 * 4  # seconds that a start was measured to take
        assert lasts["readiness"] < lasts["liveness"]  # first unrouted, then restarted
        (_, seconds) = container["lifecycle"]["preStop"]["exec"]["command"]
        drain = component["spec"]["terminationGracePeriodSeconds"] - int(seconds)
        assert drain > 30  # gunicorn's graceful_timeout


def test_a_pod_has_what_its_workers_need(containers: list[dict]) -> None:
    for container in containers:
        variables = {each["name"]: each["value"] for each in container["env"]}
        workers = int(variables["GUNICORN_WORKERS"])
        assert int(variables["GUNICORN_THREADS"]) > 1  # one for probes
        assert variables["ISSUESUM_THREADS"] == "1"
        resources = container["resources"]
        assert int(resources["limits"]["cpu"]) == workers
        memory = {kind: in_mib(each["memory"]) for kind, each in resources.items()}
        assert memory["requests"] >= 212  # measured at rest
        requests = workers * int(variables["GUNICORN_THREADS"])
        assert memory["limits"] >= 212 + requests * 60 * 3.2  # measured for each text


def test_a_canary_answers_a_share_and_a_shadow_gets_a_copy(documents: dict) -> None:
    shares = {
        name: [
            (each["name"], each["traffic"], each["replicas"], each.get("shadow", False))
            for each in documents[name][0]["spec"]["predictors"]
        ]
        for name in DEPLOYMENTS
    }
    assert shares == {
        "seldondeployment": [("default", 100, 2, False)],
        "canary": [("default", 90, 2, False), ("canary", 10, 1, False)],
        "shadow": [("default", 100, 2, False), ("shadow", 100, 2, True)],
    }


def test_pods_of_the_default_are_the_same_in_all(documents: dict) -> None:
    # The operator keeps traffic out of the pods, so none restarts when a canary comes or goes.
    first, *others = (documents[name][0] for name in DEPLOYMENTS)
    default = {**first["spec"]["predictors"][0], "traffic": None}
    for other in others:
        assert other["metadata"] == first["metadata"]
        assert {**other["spec"]["predictors"][0], "traffic": None} == default


def test_nodes_are_of_the_architecture_of_the_image(components: list[dict], tmp_path: Path) -> None:
    for component in components:
        assert component["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert "nodeSelector" not in spec_of_pods(PinnedImage(TAG, f"{NAME}@sha256:0"), tmp_path)


def test_what_yaml_would_read_as_something_else_is_quoted(tmp_path: Path) -> None:
    image = PinnedImage(TAG, f"{NAME}@sha256:0", {"a": "it's: #1"}, "no")
    spec = spec_of_pods(image, tmp_path, name="null", pull_secret="yes: #2")  # noqa: S106
    assert spec["nodeSelector"] == {"kubernetes.io/arch": "no"}
    assert spec["imagePullSecrets"] == [{"name": "yes: #2"}]
    assert '"it\'s: #1"' in spec["containers"][0]["env"][-1]["value"]
    (document,) = yaml.safe_load_all((tmp_path / "seldondeployment.yaml").read_text())
    assert document["metadata"]["name"] == "null"


def test_prometheus_finds_the_pods_of_all_predictors(documents: dict) -> None:
    service, monitor = documents["servicemonitor"]
    (deployment,) = documents["seldondeployment"]
    assert (monitor["apiVersion"], monitor["kind"]) == (
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
    )
    labels = monitor["spec"]["selector"]["matchLabels"]
    assert labels.items() <= service["metadata"]["labels"].items()
    # The operator gives this label to pods; a deployment's own services must not be selected.
    assert service["spec"]["selector"] == {"seldon-deployment-id": deployment["metadata"]["name"]}
    assert not labels.items() <= deployment["metadata"]["labels"].items()
    ports = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
    assert ports == {"metrics": 6000, "requests": 8000}
    for endpoint in monitor["spec"]["endpoints"]:
        assert (ports.pop(endpoint["port"]) > 0, endpoint["path"]) == (True, "/prometheus")
    assert ports == {}


@pytest.fixture
def written(tmp_path: Path):
    """Have the verb write manifests of a kind, and return its file's documents and the monitors."""

    def written(kind: str, file: str) -> tuple[list[dict], list[dict]]:
        done = run("--image", TAG, "--kind", kind, "--name", "titles", "--pull-secret", "pull",
                   "--output", str(tmp_path))  # fmt: skip
        assert done.exit_code == 0, done.output
        assert f"kubectl apply -f {tmp_path / file}" in done.stdout
        paths = (tmp_path / file, tmp_path / "servicemonitor.yaml")
        assert set(tmp_path.iterdir()) == set(paths)
        found, monitors = (list(yaml.safe_load_all(path.read_text())) for path in paths)
        validate(monitors[0])
        return found, monitors

    return written


def test_a_plain_deployment_needs_no_operator(written) -> None:
    (service, budget, deployment), monitors = written("kubernetes", "deployment.yaml")
    for document in (service, budget, deployment):
        validate(document)
        assert document["metadata"]["name"] == "titles"
    template = deployment["spec"]["template"]
    validate_pod(template)
    labels = template["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert monitors[0]["spec"]["selector"].items() <= labels.items()
    assert budget["spec"] == {
        "maxUnavailable": 1,
        "selector": deployment["spec"]["selector"],
    }
    # A pod goes only when another has become ready.
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert "podAntiAffinity" in template["spec"]["affinity"]
    (container,) = template["spec"]["containers"]
    assert container["image"] == f"{NAME}@{DIGESTS[TAG]}"
    assert container["lifecycle"]["preStop"]
    ports = {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_an_inference_service_asks_for_the_model_by_its_name(written, shared: Path) -> None:
    (service,), monitors = written("kserve", "inferenceservice.yaml")
    definition = read_definition(shared / "schemas/serving.kserve.io_inferenceservices.yaml")
    checked = validator(schema_of(service, definition))
    assert [error.message for error in checked.iter_errors(service)] == []
    predictor = service["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (2, 2)
    assert predictor["imagePullSecrets"] == [{"name": "pull"}]
    (container,) = predictor["containers"]
    assert container["name"] == "kserve-container"
    assert container["ports"] == [{"name": "http1", "containerPort": 9000, "protocol": "TCP"}]
    for probe in ("startup", "readiness", "liveness"):
        assert container[f"{probe}Probe"]["httpGet"]["port"] == 9000
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["ISSUESUM_MODEL_NAME"] == service["metadata"]["name"] == "titles"
    selector = {"serving.kserve.io/inferenceservice": "titles"}
    assert monitors[0]["spec"]["selector"] == selector


@pytest.mark.parametrize("option", ["--canary", "--shadow"])
def test_canary_and_shadow_are_seldons(option: str, tmp_path: Path) -> None:
    _, other = DIGESTS
    done = run("--image", TAG, "--kind", "kserve", option, other, "--output", str(tmp_path / "out"))
    assert isinstance(done.exception, ParamsError)
    assert f"{option} must be one of Seldon's. Received: --kind kserve" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
