"""What all manifests of deploy/ have in common."""

from __future__ import annotations

from pathlib import Path

import yaml

IMAGE = "registry.example.com/issuesum-pipeline:COMMIT"
"""What stands where people put their pipeline image."""


def read_manifest(path: Path) -> list[dict]:
    """Return the documents of a file."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def assert_least_rights(pod: dict, user: int, group: int) -> None:
    """Check that a pod runs as that user, with no more rights than it needs."""
    of_pod = pod["securityContext"]
    assert of_pod["runAsNonRoot"] is True
    assert (of_pod["runAsUser"], of_pod["runAsGroup"]) == (user, group)
    assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
