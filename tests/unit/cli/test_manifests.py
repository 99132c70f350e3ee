"""`issuesum manifests`: its options, what it says and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from issuesum.errors import ParamsError, RegistryError
from issuesum.lineage.receipt import Receipt
from serving_example import DIGESTS, NAME, NEXT, TAG, run


def predictors(path: Path) -> list[dict]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["predictors"]


def test_it_serves_what_was_exported_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    digest = "sha256:" + "2" * 64
    Receipt(TAG, digest, "GIT", "DVC").save()
    monkeypatch.setitem(DIGESTS, f"{NAME}@{digest}", digest)
    done = run()
    assert done.exit_code == 0
    folder = tmp_path / "deploy/serving"
    assert {path.name for path in folder.iterdir()} == {
        "seldondeployment.yaml",
        "servicemonitor.yaml",
    }
    (component,) = predictors(folder / "seldondeployment.yaml")[0]["componentSpecs"]
    assert component["spec"]["containers"][0]["image"] == f"{NAME}@{digest}"
    assert component["metadata"]["annotations"] == {"io.issuesum/image": f"{TAG}@{digest}"}
    # A cluster without the Prometheus Operator takes the first.
    serve, metrics = done.stdout.splitlines()[-2:]
    assert serve == "Serve it:   kubectl apply -f deploy/serving/seldondeployment.yaml"
    assert metrics.startswith("Metrics:    kubectl apply -f deploy/serving/servicemonitor.yaml  #")


def test_options_reach_the_manifests(tmp_path: Path) -> None:
    done = run(
        "--image", TAG, "--canary", NEXT, "--canary-traffic", "25", "--replicas", "5",
        "--name", "titles", "--pull-secret", "registry", "--output", str(tmp_path),
    )  # fmt: skip
    assert done.exit_code == 0
    assert f"kubectl apply -f {tmp_path}/canary.yaml" in done.stdout
    assert not (tmp_path / "shadow.yaml").exists()
    found = predictors(tmp_path / "canary.yaml")
    assert [(each["traffic"], each["replicas"]) for each in found] == [(75, 5), (25, 2)]
    for predictor in found:
        (component,) = predictor["componentSpecs"]
        assert component["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    service = next(yaml.safe_load_all((tmp_path / "servicemonitor.yaml").read_text()))
    assert service["spec"]["selector"] == {"seldon-deployment-id": "titles"}


@pytest.mark.parametrize("option", ["--image", "--canary", "--shadow"])
def test_what_no_registry_holds_is_refused_and_nothing_written(option: str, tmp_path: Path) -> None:
    given = {"--image": TAG, option: f"{NAME}:gone"}
    done = run(
        *(word for pair in given.items() for word in pair), "--output", str(tmp_path / "out")
    )
    assert isinstance(done.exception, RegistryError)
    assert f"registry.example.com must hold {NAME}:gone. Received: no such" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "reference",
    [
        "issuesummarization:1",  # no registry
        "library/issuesummarization:1",
        NAME,  # neither tag nor digest
        f"{NAME}@sha256:00",
        f"{NAME}:1 ",
        "registry.example.com/Upper:1",
    ],
)
def test_what_is_no_reference_is_refused(reference: str, tmp_path: Path) -> None:
    done = run("--image", reference, "--output", str(tmp_path))
    assert isinstance(done.exception, ParamsError)
    assert str(done.exception).startswith("An image must be ")


@pytest.mark.parametrize("name", ["IssueSummarization", "1st", "a-", "a" * 56])
def test_names_that_kubernetes_refuses_are_refused(name: str, tmp_path: Path) -> None:
    done = run("--image", TAG, "--name", name, "--output", str(tmp_path))
    assert isinstance(done.exception, ParamsError)
    assert (
        f"--name must be up to 55 of a-z, 0-9 and -, and begin with a letter. Received: {name}"
        in str(done.exception)
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--canary", "--shadow"])
def test_an_image_next_to_itself_is_refused(option: str, tmp_path: Path) -> None:
    done = run("--image", TAG, option, TAG, "--output", str(tmp_path))
    assert isinstance(done.exception, ParamsError)
    assert f"{option} must be another image than --image" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_registry_of_this_machine_is_remarked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DIGESTS, "localhost:5000/name:1", "sha256:" + "3" * 64)
    done = run("--image", "localhost:5000/name:1", "--output", str(tmp_path))
    assert done.exit_code == 0
    assert done.stderr.startswith("note: to a node, localhost is the node itself")
