"""deploy/retrain-job.yaml is what a cluster takes, and does what the workflow does."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from manifests import read_manifest
from schemas import validate


@pytest.fixture(scope="module")
def documents(root: Path) -> list[dict]:
    return read_manifest(root / "deploy/retrain-job.yaml")


@pytest.fixture
def job(documents: list[dict]) -> dict:
    return documents[1]["spec"]["jobTemplate"]["spec"]


@pytest.fixture
def pod(job: dict) -> dict:
    return job["template"]["spec"]


@pytest.fixture
def containers(pod: dict) -> dict[str, dict]:
    return {each["name"]: each for each in (*pod["initContainers"], *pod["containers"])}


def values(container: dict) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"]}


def test_they_fit_the_schema_of_kubernetes(documents: list[dict], job: dict) -> None:
    assert [document["kind"] for document in documents] == ["PersistentVolumeClaim", "CronJob"]
    for document in documents:
        validate(document)
    validate({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "one"}, "spec": job})


def test_it_starts_only_when_asked_and_ends_in_any_case(documents: list[dict], job: dict) -> None:
    assert documents[1]["spec"]["suspend"] is True
    assert documents[1]["spec"]["concurrencyPolicy"] == "Forbid"
    assert 0 < job["activeDeadlineSeconds"] <= 24 * 3600
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # as a podFailurePolicy wants it
    refused, gone = job["podFailurePolicy"]["rules"]
    assert refused["action"] == "FailJob"
    assert refused["onExitCodes"]["values"] == [5]
    assert refused["onExitCodes"]["containerName"] == "retrain"
    assert gone == {
        "action": "Ignore",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }


def test_the_engine_is_a_sidecar_that_only_this_pod_reaches(containers: dict, pod: dict) -> None:
    engine, retrain = containers["engine"], containers["retrain"]
    assert engine["restartPolicy"] == "Always"
    assert [each["name"] for each in pod["initContainers"]] == ["clone", "engine"]
    hosts = [word for word in engine["args"] if word.startswith("--host=")]
    assert hosts == [f"--host={values(retrain)['DOCKER_HOST']}"]
    assert values(retrain)["DOCKER_HOST"].startswith("unix:///engine/")
    assert hosts[0] in engine["startupProbe"]["exec"]["command"]
    for each in (engine, retrain):
        assert {"name": "engine", "mountPath": "/engine"} in each["volumeMounts"]
    assert "ports" not in engine


def test_only_the_engine_has_more_than_the_least_rights(containers: dict, pod: dict) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsUser"] == 1000
    privileged = containers.pop("engine")["securityContext"]
    assert privileged == {"privileged": True}
    for each in containers.values():
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        writable = {each["mountPath"] for each in each["volumeMounts"] if "readOnly" not in each}
        assert writable <= {"/work", "/tmp", "/engine"}  # noqa: S108 -- of the container


def test_every_container_is_bounded(containers: dict) -> None:
    for each in containers.values():
        assert set(each["resources"]["requests"]) == {"cpu", "memory"}
        assert "memory" in each["resources"]["limits"]


def test_what_is_mounted_is_there_and_secrets_are_only_named(
    containers: dict, pod: dict, documents: list[dict]
) -> None:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounted = {mount["name"] for each in containers.values() for mount in each["volumeMounts"]}
    assert mounted == set(volumes)
    claim = volumes["work"]["persistentVolumeClaim"]["claimName"]
    assert claim == documents[0]["metadata"]["name"]
    assert volumes["git"]["secret"] == {"secretName": "issuesum-git", "defaultMode": 0o440}
    (item,) = volumes["registry"]["secret"]["items"]
    assert item == {"key": ".dockerconfigjson", "path": "config.json"}
    of_registry = {"name": "registry", "mountPath": "/secrets/registry", "readOnly": True}
    assert of_registry in containers["retrain"]["volumeMounts"]
    assert values(containers["retrain"])["DOCKER_CONFIG"] == of_registry["mountPath"]
    secret, _ = containers["retrain"]["envFrom"]
    assert secret == {"secretRef": {"name": "issuesum-s3"}}
    assert not re.search("KEY|PASSWORD|TOKEN", yaml.safe_dump(containers["retrain"]["env"]).replace(
        "GIT_CONFIG_KEY_0", ""))  # fmt: skip


def test_it_runs_what_the_workflow_runs(containers: dict, root: Path) -> None:
    workflow = (root / ".github/workflows/retrain.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(workflow)["jobs"]["retrain"]["steps"]
    runs = [step["run"] for step in steps if "run" in step]
    (script,) = containers["retrain"]["args"]
    assert [line.removeprefix("exec ") for line in script.splitlines()] == runs
    assert set(values(containers["retrain"])) >= {"RETRAIN_PARAMS", "EXTRA", "ISSUESUM_REGISTRY"}


def test_a_clone_is_made_once_and_then_brought_up_to_date(containers: dict, tmp_path: Path) -> None:
    origin, work = tmp_path / "origin", tmp_path / "work"
    work.mkdir()
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    env |= {"REPOSITORY": str(origin), "BRANCH": "main"}

    def git(*arguments: str, folder: Path = origin) -> str:
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        command = ["git", "-C", str(folder), *who, *arguments]
        return subprocess.check_output(command, env=env, text=True).strip()

    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", origin], check=True)
    shell = [
        *containers["clone"]["command"],
        containers["clone"]["args"][0].replace("/work", str(work)),
    ]
    for content in ("one", "two"):
        (origin / "file").write_text(content)
        git("add", "file")
        git("commit", "--quiet", "--message", content)
        subprocess.run(shell, env=env, check=True, capture_output=True)
        assert (work / "clone/file").read_text() == content
        (work / "clone/file").write_text("left by a killed run")
        (work / "clone/kept").write_text("DVC's cache, say")
    assert (
        git("rev-parse", "--abbrev-ref", "main@{upstream}", folder=work / "clone") == "origin/main"
    )
    assert (work / "clone/kept").exists()
