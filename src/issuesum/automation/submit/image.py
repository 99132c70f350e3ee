"""The pipeline image of a commit: built and pushed where the registry lacks it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import docker
from tqdm import tqdm

from issuesum.errors import EngineError
from issuesum.lineage import git
from issuesum.registry.client import Registry, refusal
from issuesum.registry.credentials import credentials_for
from issuesum.registry.image import RemoteImage, read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.image.engine import engine

DOCKERFILE = Path("deploy/training/Dockerfile")


def pipeline_image(root: Path, commit: str, repository: str, *, extra: str) -> RemoteImage:
    """Return the image of a commit, registry/name:COMMIT, or …:COMMIT-gpu for the extra `gpu`.

    Raises:
        EngineError: no engine answers, or a step of the Dockerfile failed.
        RegistryError: the registry is unreachable or refuses us.
    """
    tag = commit if extra == "cpu" else f"{commit}-{extra}"
    image = Reference.parse(f"{repository}:{tag}")
    registry = Registry(image.host)
    if not registry.digest(image):
        with engine() as client:
            _build(client, root, commit, image, extra)
            _push(client, image)
    return read_image(registry, image)


def _build(
    client: docker.DockerClient, root: Path, commit: str, image: Reference, extra: str
) -> None:
    answers = client.api.build(
        fileobj=io.BytesIO(git.run(root, "archive", commit)), custom_context=True,
        dockerfile=str(DOCKERFILE), tag=str(image), rm=True, forcerm=True, decode=True,
        buildargs={"COMMIT": commit, "EXTRA": extra},
    )  # fmt: skip
    if reason := _failure(answers, f"docker build {image}"):
        raise EngineError(
            f"Cannot build {image}. Received: {' '.join(reason.split())}. Try: git archive "
            f"{commit} | docker build --file {DOCKERFILE} --build-arg COMMIT={commit} -"
        )


def _push(client: docker.DockerClient, image: Reference) -> None:
    known = credentials_for(image.host).for_engine
    answers = client.api.push(
        image.repository, image.tag, auth_config=known, stream=True, decode=True
    )
    if reason := _failure(answers, f"docker push {image}"):
        raise refusal(str(image), reason)


def _failure(answers: Iterable[dict[str, str]], what: str) -> str | None:
    """Follow what the engine does, and return why it failed, if it did."""
    shown = tqdm(answers, desc=what, unit=" lines", disable=None)
    return next((answer["error"] for answer in shown if "error" in answer), None)
