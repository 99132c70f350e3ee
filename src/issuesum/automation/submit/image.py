"""The pipeline image of a commit: built and pushed where the registry lacks it."""

import io
import re
from pathlib import Path

from issuesum.lineage import git
from issuesum.registry.client import Registry, refusal
from issuesum.registry.credentials import credentials_for
from issuesum.registry.image import RemoteImage, read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.image.engine import build, engine, failure_of, fetch_base

DOCKERFILE = Path("deploy/training/Dockerfile")
_BASE = re.compile(r"^ARG BASE_IMAGE=(\S+)", re.MULTILINE)


def pipeline_image(
    root: Path, commit: str, repository: str, *, extra: str, machine: str | None
) -> RemoteImage:
    """Return the image of a commit, registry/name:COMMIT, or …:COMMIT-gpu for the extra `gpu`.

    Where that is not for the architecture `machine`, it is …:COMMIT-arm64 or the like.

    Raises:
        EngineError: no engine answers, or a step of the Dockerfile failed.
        RegistryError: the registry is unreachable or refuses us.
    """
    tag = commit if extra == "cpu" else f"{commit}-{extra}"
    platform = machine and f"linux/{machine}"
    for name in (tag, f"{tag}-{machine}"):
        image = Reference.parse(f"{repository}:{name}")
        registry = Registry(image.host)
        if not registry.digest(image):
            break
        found = read_image(registry, image, platform)
        if machine in (None, found.architecture):
            return found
    with engine() as client:
        arguments = {"COMMIT": commit, "EXTRA": extra}
        if platform and (named := _BASE.search((root / DOCKERFILE).read_text(encoding="utf-8"))):
            arguments["BASE_IMAGE"] = fetch_base(client, named[1], platform)[0]
        again = f"docker build --file {DOCKERFILE} --build-arg COMMIT={commit} -"
        build(
            client, str(image), what=image, advice=f"git archive {commit} | {again}",
            fileobj=io.BytesIO(git.run(root, "archive", commit)), dockerfile=str(DOCKERFILE),
            buildargs=arguments, platform=platform,
        )  # fmt: skip
        known = credentials_for(image.host).for_engine
        answers = client.api.push(
            image.repository, image.tag, auth_config=known, stream=True, decode=True
        )
        if failure := failure_of(answers, f"docker push {image}"):
            raise refusal(str(image), failure)
    return read_image(registry, image)
