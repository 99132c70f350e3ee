"""The real services; tools/test starts them and names them in the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass

import docker
import pytest
from docker.errors import DockerException

from missing import without


@dataclass(frozen=True)
class Services:
    """Where the real parts are.

    Attributes:
        registry: host:port.
        s3: URL.
        secret: the key of S3, which must turn up nowhere.
    """

    registry: str
    s3: str
    secret: str


@pytest.fixture(scope="session")
def services() -> Services:
    """Return the services; without one, skip with the reason, or fail where CI=true."""
    names = ("ISSUESUM_REGISTRY", "AWS_ENDPOINT_URL_S3", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        without(f"{', '.join(missing)} not set: run `make test`, or source .services.env")
    try:
        docker.from_env().close()
    except DockerException as error:
        without(f"no Docker Engine: {error}")
    return Services(*(os.environ[name] for name in names))


@pytest.fixture(scope="session")
def engine(services: Services) -> docker.DockerClient:  # noqa: ARG001 -- checked first
    """Return a client of the real engine."""
    client = docker.from_env()
    yield client
    client.close()
