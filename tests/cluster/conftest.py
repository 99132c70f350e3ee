"""A namespace of the cluster that KUBECONFIG names, for one session of tests.

They want a registry (ISSUESUM_REGISTRY) from which nodes pull, and an S3 server that pods reach, at
ISSUESUM_CLUSTER_S3 if that is another address than AWS_ENDPOINT_URL_S3 (CONTRIBUTING.md).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from projects import Project, merge, pushed_project
from real_cluster import CHIEF, RESOURCE, Namespace, kubectl, push_image

NAMES = ("ISSUESUM_REGISTRY", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
LONG = {"train": {"epochs": 40, "patience": 1000, "checkpoint_steps": 8}}  # a minute


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all without a cluster, and what its operators would run without them."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    missing = [name for name in ("KUBECONFIG", *NAMES) if not os.environ.get(name)]
    known = "" if missing else kubectl("api-resources", "--output", "name")
    for item in here:
        if missing:
            item.add_marker(pytest.mark.skip(f"no cluster: {', '.join(missing)} not set"))
        kind = getattr(item, "callspec", None) and item.callspec.params.get("kind")
        plural = {kind: f"{RESOURCE[kind].replace('.', 's.', 1)}" for kind in CHIEF}
        if kind and not missing and plural[kind] not in known.split():
            item.add_marker(pytest.mark.skip(f"the cluster knows no {plural[kind]}"))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, tiny_params: str) -> Project:
    """Return a clone that has pushed what training needs, to a remote of its own."""
    params = yaml.safe_dump(merge(yaml.safe_load(tiny_params), LONG), sort_keys=False)
    folder = tmp_path_factory.mktemp("cluster") / "project"
    return pushed_project(folder, params, f"cluster-{uuid4().hex[:8]}")


@pytest.fixture(scope="session")
def image(project: Project) -> str:
    return push_image(project)


@pytest.fixture(scope="session")
def namespace(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """Make a namespace that enforces Pod Security `restricted`, with the keys of S3."""
    name = f"issuesum-test-{uuid4().hex[:8]}"
    s3 = os.environ.get("ISSUESUM_CLUSTER_S3") or os.environ["AWS_ENDPOINT_URL_S3"]
    made = Namespace(name, image, s3, tmp_path_factory.mktemp("manifests"))
    kubectl("create", "namespace", name)
    try:
        rules = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
        kubectl("label", "namespace", name, *rules)
        keys = "".join(f"{key}={os.environ[key]}\n" for key in NAMES[2:])
        made("create", "secret", "generic", "issuesum-s3", "--from-env-file=/dev/stdin", stdin=keys)
        yield made
    finally:
        kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def clone(project: Project, tmp_path: Path) -> Project:
    """Return a fresh clone of the project."""
    subprocess.run(["git", "clone", "--quiet", project.path, tmp_path / "clone"], check=True)
    return Project(tmp_path / "clone")
