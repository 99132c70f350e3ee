"""What all manifests of deploy/ have in common."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import yaml

from missing import without
from projects import ROOT

IMAGE = "registry.example.com/issuesum-pipeline:COMMIT"
"""What stands where people put their pipeline image."""


def render(folder: Path) -> list[dict]:
    """Return what `kubectl apply -k` would apply."""
    if not shutil.which("kubectl"):
        without("no kubectl, which has Kustomize built in")
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def overlay(folder: Path, base: str, *components: str, **fields: object) -> Path:
    """Write a kustomization over a folder of deploy/ and return its folder.

    A component is one of `folder` or of deploy/.
    """
    deploy = os.path.relpath(ROOT / "deploy", folder)
    content = {
        "resources": [f"{deploy}/{base}"],
        "components": [
            each if (folder / each).exists() else f"{deploy}/{each}" for each in components
        ],
        "sortOptions": {"order": "fifo"},
        **fields,
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def assert_least_rights(pod: dict, user: int, group: int) -> None:
    """Check that a pod runs as that user, with no more rights than it needs."""
    of_pod = pod["securityContext"]
    assert of_pod["runAsNonRoot"] is True
    assert (of_pod["runAsUser"], of_pod["runAsGroup"]) == (user, group)
    assert of_pod["fsGroup"] == group
    assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {each["mountPath"] for each in container["volumeMounts"] if "readOnly" not in each}
    assert writable == {"/work", "/tmp"}  # noqa: S108 -- folders of the container
    mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert set(mounted) == set(volumes)
    assert {name for name, each in volumes.items() if "emptyDir" in each} == {"work", "tmp"}
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
