"""deploy/retrain is what a cluster takes, and does what the workflow does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from issuesum.errors import GateError
from manifests import assert_least_rights, render
from schemas import validate


@pytest.fixture(scope="module")
def cronjob(root: Path) -> dict:
    (document,) = render(root / "deploy/retrain")
    return document


@pytest.fixture
def job(cronjob: dict) -> dict:
    return cronjob["spec"]["jobTemplate"]["spec"]


@pytest.fixture
def pod(job: dict) -> dict:
    return job["template"]["spec"]


@pytest.fixture
def retrain(pod: dict) -> dict:
    (container,) = pod["containers"]
    return container


def values(container: dict) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"]}


def test_it_fits_the_schema_of_kubernetes(cronjob: dict, job: dict) -> None:
    validate(cronjob)
    validate({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "one"}, "spec": job})


def test_it_starts_only_when_asked_and_ends_in_any_case(cronjob: dict, job: dict) -> None:
    assert cronjob["spec"]["suspend"] is True
    assert cronjob["spec"]["concurrencyPolicy"] == "Forbid"
    assert 0 < job["activeDeadlineSeconds"] <= 24 * 3600
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # as a podFailurePolicy wants it
    refused, gone = job["podFailurePolicy"]["rules"]
    assert refused["action"] == "FailJob"
    assert refused["onExitCodes"]["values"] == [GateError.exit_code]
    assert refused["onExitCodes"]["containerName"] == "main"
    assert gone == {
        "action": "Ignore",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }


def test_it_has_the_least_rights_and_no_engine(pod: dict) -> None:
    assert "initContainers" not in pod
    assert_least_rights(pod, 10001, 10001)


def test_secrets_are_only_named(retrain: dict, pod: dict) -> None:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["git"]["secret"] == {"secretName": "issuesum-git", "defaultMode": 0o440}
    (item,) = volumes["registry"]["secret"]["items"]
    assert item == {"key": ".dockerconfigjson", "path": "config.json"}
    of_registry = {"name": "registry", "mountPath": "/secrets/registry", "readOnly": True}
    assert of_registry in retrain["volumeMounts"]
    assert values(retrain)["DOCKER_CONFIG"] == of_registry["mountPath"]
    assert retrain["envFrom"] == [{"secretRef": {"name": "issuesum-s3", "optional": True}}]
    assert not re.search("KEY|PASSWORD|TOKEN", yaml.safe_dump(retrain["env"]).replace(
        "GIT_CONFIG_KEY_0", ""))  # fmt: skip


def test_it_runs_what_the_workflow_runs(retrain: dict, root: Path) -> None:
    workflow = (root / ".github/workflows/retrain.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(workflow)["jobs"]["retrain"]["steps"]
    runs = [step["run"] for step in steps if "run" in step]
    (script,) = retrain["args"]
    lines = [line.removeprefix("exec ") for line in script.splitlines()]
    assert [line for line in lines if line in runs] == runs
    assert script.splitlines()[-1] == "exec .ci/retrain"  # which signals reach then
    assert set(values(retrain)) >= {"RETRAIN_PARAMS", "EXTRA", "ISSUESUM_REGISTRY"}
