"""What the registry holds, asked and told through Docker Engine.

Credentials come from Docker's configuration and its credential helpers, or from the environment
(ISSUESUM_REGISTRY_USERNAME and ISSUESUM_REGISTRY_PASSWORD); they are in no file of ours.
"""

from __future__ import annotations

import os

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from tqdm import tqdm

from issuesum.errors import RegistryError
from issuesum.image.engine import one_line

_AGAIN = "then dvc repro again: nothing before export is repeated"


def digest_of(client: docker.DockerClient, image: str) -> str | None:
    """Return the digest (sha256:…) that the registry holds under `image`, or None.

    Raises:
        RegistryError: the registry is unreachable or refuses us.
    """
    try:
        return str(client.images.get_registry_data(image, auth_config=_credentials()).id)
    except NotFound:
        return None
    except APIError as error:
        if "manifest unknown" in one_line(error) or "name unknown" in one_line(error):
            return None
        raise _refusal(image, one_line(error)) from error


def push(client: docker.DockerClient, image: str) -> str:
    """Push `image` and return the digest that the registry now holds under its tag.

    Raises:
        RegistryError: the registry is unreachable, refuses us or does not hold the image after.
    """
    repository, tag = image.rsplit(":", 1)
    layers: dict[str, int] = {}
    with tqdm(desc="push", unit="B", unit_scale=True, disable=None) as progress:
        for answer in client.api.push(
            repository, tag=tag, stream=True, decode=True, auth_config=_credentials()
        ):
            if "error" in answer:
                raise _refusal(image, " ".join(answer["error"].split()))
            done = answer.get("progressDetail", {}).get("current", 0)
            layer = answer.get("id", "")
            progress.update(max(0, done - layers.get(layer, 0)))
            layers[layer] = max(done, layers.get(layer, 0))
    digest = digest_of(client, image)
    if digest is None:
        raise _refusal(image, "the push ended without an error, but the tag is not there")
    return digest


def fetch(client: docker.DockerClient, pinned: str) -> None:
    """Pull registry/name@sha256:…, unless the engine holds it.

    Raises:
        RegistryError: the registry is unreachable, refuses us or does not hold it.
    """
    try:
        client.images.get(pinned)
    except ImageNotFound:
        try:
            client.images.pull(pinned, auth_config=_credentials())
        except APIError as error:
            raise _refusal(pinned, one_line(error)) from error


def _credentials() -> dict[str, str] | None:
    user = os.environ.get("ISSUESUM_REGISTRY_USERNAME")
    password = os.environ.get("ISSUESUM_REGISTRY_PASSWORD")
    return {"username": user, "password": password} if user and password else None


def _refusal(image: str, reason: str) -> RegistryError:
    registry = image.split("/", 1)[0]
    lowered = reason.lower()
    if "unauthorized" in lowered or "no basic auth" in lowered or "denied" in lowered:
        return RegistryError(
            f"{registry} must accept our credentials. Received: {reason}. "
            f"Try: docker login {registry}, or set ISSUESUM_REGISTRY_USERNAME and "
            f"ISSUESUM_REGISTRY_PASSWORD; {_AGAIN}."
        )
    return RegistryError(
        f"{registry} must take or give {image}. Received: {reason}. "
        f"Try: tools/services up, or set ISSUESUM_REGISTRY; {_AGAIN}."
    )
