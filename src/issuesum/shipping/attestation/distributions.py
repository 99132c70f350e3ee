"""Which Python distributions an image really holds, by what its own Python says."""

from __future__ import annotations

import json
from dataclasses import dataclass

import docker
from docker.errors import ContainerError

from issuesum.errors import EngineError, one_line
from issuesum.shipping.image.smoke import HARDENED

# Besides its own environment, the image's Python sees that of the base image: pip is there.
SCRIPT = """
import json, sys, sysconfig
from importlib.metadata import distributions
below = sysconfig.get_path("purelib", sysconfig.get_default_scheme(), {"base": sys.base_prefix})
found = []
for one in distributions(path=[*sys.path, below]):
    data = one.metadata
    found.append({
        "name": data["Name"],
        "version": one.version,
        "expression": data["License-Expression"],
        "text": data["License"],
        "classifiers": [item for item in data.get_all("Classifier") or () if item[:7] == "License"],
    })
print(json.dumps(found))
"""
"""What the image's Python (-I) is asked; `read` reads the answer."""
_LONGEST = 100
"""Characters; where the field License is longer, it is the text of a licence."""


@dataclass(frozen=True, order=True)
class Distribution:
    """An installed distribution.

    Attributes:
        name: as it calls itself.
        version: likewise.
        licence: what it declares, or None.
    """

    name: str
    version: str
    licence: str | None = None


def read(answer: bytes) -> list[Distribution]:
    """Return what SCRIPT printed, sorted, each once.

    Raises:
        EngineError: it is no such answer.
    """
    try:
        found = {
            (item["name"].lower(), item["version"]): Distribution(
                item["name"], item["version"], _licence(item)
            )
            for item in json.loads(answer)
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            f"The image's Python must list its distributions. Received: {answer[:200]!r}. "
            "Try: an image that the export stage made."
        ) from error
    return [found[key] for key in sorted(found)]


def installed(client: docker.DockerClient, image: str) -> list[Distribution]:
    """Return what is installed in an image, from a container as strict as production's.

    Args:
        client: of Docker Engine, which holds the image.
        image: what Docker Engine calls it.

    Raises:
        EngineError: the container does not run, or its answer is none.
    """
    try:
        answer = client.containers.run(
            image,
            ["-I", "-c", SCRIPT],
            entrypoint="python3",
            network_mode="none",
            remove=True,
            **HARDENED,
        )
    except ContainerError as error:
        raise EngineError(
            f"{image} must list its distributions. Received: {one_line(error)[-300:]}. "
            "Try: an image that the export stage made."
        ) from error
    assert isinstance(answer, bytes)  # noqa: S101 -- neither detached nor a stream
    return read(answer)


def _licence(item: dict[str, str | None]) -> str | None:
    if item["expression"]:
        return item["expression"]
    text = (item["text"] or "").strip()
    if text and text.upper() != "UNKNOWN" and "\n" not in text and len(text) <= _LONGEST:
        return text
    classifiers = item["classifiers"] or ()
    names = {name.rsplit(" :: ", 1)[-1] for name in classifiers} - {"OSI Approved"}
    return ", ".join(sorted(names)) or None
