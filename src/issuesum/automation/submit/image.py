"""The pipeline image of a commit: built and pushed where the registry lacks it."""

import io
from pathlib import Path

import docker

from issuesum.errors import EngineError
from issuesum.lineage import git
from issuesum.registry.client import Registry, refusal
from issuesum.registry.credentials import credentials_for
from issuesum.registry.image import RemoteImage, read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.image.engine import engine, failure_of

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
    context = io.BytesIO(git.run(root, "archive", commit))
    answers = client.api.build(
        fileobj=context, custom_context=True, dockerfile=str(DOCKERFILE), tag=str(image), rm=True,
        buildargs={"COMMIT": commit, "EXTRA": extra}, forcerm=True, decode=True,
    )  # fmt: skip
    if failure := failure_of(answers, f"docker build {image}"):
        raise EngineError(
            f"Cannot build {image}. Received: {failure}. Try: git archive "
            f"{commit} | docker build --file {DOCKERFILE} --build-arg COMMIT={commit} -"
        )


def _push(client: docker.DockerClient, image: Reference) -> None:
    known = credentials_for(image.host).for_engine
    answers = client.api.push(
        image.repository, image.tag, auth_config=known, stream=True, decode=True
    )
    if failure := failure_of(answers, f"docker push {image}"):
        raise refusal(str(image), failure)
