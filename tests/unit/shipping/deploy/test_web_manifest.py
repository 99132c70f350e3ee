"""deploy/web.yaml is what a cluster takes, and starts the page."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from issuesum.cli.web import command
from issuesum.web.app import create_app
from issuesum.web.client import Endpoint
from manifests import IMAGE, assert_least_rights, read_manifest
from schemas import validate


@pytest.fixture(scope="module")
def documents(root: Path) -> list[dict]:
    return read_manifest(root / "deploy/web.yaml")


@pytest.fixture
def pod(documents: list[dict]) -> dict:
    return documents[0]["spec"]["template"]["spec"]


def test_it_fits_the_schema_of_kubernetes(documents: list[dict]) -> None:
    assert [document["kind"] for document in documents] == ["Deployment", "Service"]
    for document in documents:
        validate(document)


def test_it_runs_with_the_least_rights_and_bounded(pod: dict) -> None:
    assert_least_rights(pod, 10001, 10001)
    (container,) = pod["containers"]
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


def test_its_command_is_one_that_the_image_has(pod: dict, root: Path) -> None:
    (container,) = pod["containers"]
    assert container["image"] == IMAGE
    assert container["command"] == ["python3", "-m", "issuesum"]
    assert importlib.util.find_spec("issuesum.__main__") is not None
    verb, *options = container["args"]
    given = command.make_context(verb, options).params
    assert (verb, given["host"]) == ("web", "0.0.0.0")  # noqa: S104 -- as pods must
    assert Endpoint(given["endpoint"], timeout=1).url == given["endpoint"]
    assert container["ports"] == [{"name": "http", "containerPort": given["port"]}]
    (path,) = (entry["value"] for entry in container["env"] if entry["name"] == "PYTHONPATH")
    assert f"COPY src {path}" in (root / "deploy/training/Dockerfile").read_text(encoding="utf-8")


def test_its_probes_are_answered(pod: dict) -> None:
    (container,) = pod["containers"]
    page = create_app(Endpoint("http://127.0.0.1:9", timeout=1), []).test_client()
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["port"] == "http"
        assert page.get(asked["path"]).status_code == 200


def test_the_service_leads_to_the_pods(documents: list[dict]) -> None:
    deployment, service = documents
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == labels
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]
