"""deploy/preprocess makes a Dask cluster that a cluster takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import IMAGE, assert_least_rights, render
from schemas import validate


@pytest.fixture(scope="module")
def documents(root: Path) -> dict[str, dict]:
    found = render(root / "deploy/preprocess")
    return {f"{each['kind']} {each['metadata']['name']}": each for each in found}


def test_scheduler_and_workers_are_tight_and_have_no_keys(documents: dict[str, dict]) -> None:
    service = documents.pop("Service issuesum-dask")
    validate(service)
    commands = {}
    for deployment in documents.values():
        validate(deployment)
        template = deployment["spec"]["template"]
        labels = template["metadata"]["labels"]
        assert labels["sidecar.istio.io/inject"] == "false"
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert_least_rights(template["spec"], 10001, 10001)
        (container,) = template["spec"]["containers"]
        assert container["image"] == IMAGE
        assert "envFrom" not in container  # Dask runs what it is sent
        commands[labels["dask"]] = container["command"]
    assert set(commands) == {"scheduler", "worker"}
    assert service["spec"]["selector"] == {"dask": "scheduler"}
    (port,) = service["spec"]["ports"]
    address = f"tcp://{service['metadata']['name']}:{port['port']}"
    assert address in commands["worker"]
