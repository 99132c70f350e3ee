"""The bundle's Dockerfile: what an engine builds of it, and what is added without one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from issuesum.errors import ArtifactError
from issuesum.layout import DOCKERFILE
from issuesum.registry.canonical import EPOCH, CanonicalImage, layer_of_files
from issuesum.registry.labels import labels_of

RUNTIME = "runtime"
"""The stage that an engine builds."""
PROVENANCE = "provenance.json"
_FROM = re.compile(r"^FROM\s.*$", re.IGNORECASE | re.MULTILINE)
_OURS = re.compile(rf"FROM\s+{RUNTIME}", re.IGNORECASE)
_COPY = re.compile(r"COPY((?:\s+[\w.][^\s$*?\[]*)+)\s+/([^\s$]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile whose last stage adds files to the stage `runtime`, and does nothing else.

    Attributes:
        head: all above the last stage.
        copies: the lines of the last stage.
    """

    head: str
    copies: tuple[str, ...]

    @classmethod
    def read(cls, bundle: Path) -> Dockerfile:
        """Read the one of a bundle.

        Raises:
            ArtifactError: its last stage does something else.
        """
        text = (bundle / DOCKERFILE.name).read_text(encoding="utf-8")
        starts = [found.start() for found in _FROM.finditer(text)] or [0]
        lines = [line.strip() for line in text[starts[-1] :].splitlines()]
        first, *copies = (line for line in lines if line and not line.startswith("#"))
        wrong = [] if _OURS.fullmatch(first) else [first]
        wrong += [line for line in copies if not _COPY.fullmatch(line)]
        if wrong:
            raise ArtifactError(
                f"The last stage of {bundle / DOCKERFILE.name} must be FROM {RUNTIME} and lines "
                f"COPY SOURCE... /TARGET. Received: {wrong[0]}. Try: move it into the stage "
                f"{RUNTIME}, or write the names out."
            )
        return cls(text[: starts[-1]], tuple(copies))


def compose(
    runtime: CanonicalImage, bundle: Path, provenance: bytes, *, folder: Path
) -> CanonicalImage:
    """Return the image of a bundle and the content of its /app/provenance.json.

    Its new layers are written to `folder`; each is of one COPY, from what changes least to what
    changes most.

    Raises:
        ArtifactError: the last stage of the Dockerfile is none of ours, or names no file.
    """
    labels = labels_of(provenance)
    layers = [
        layer_of_files(_files(line, bundle, provenance), folder / f"copy-{number}.tar.gz", line)
        for number, line in enumerate(Dockerfile.read(bundle).copies)
    ]
    return replace(
        runtime,
        settings={**runtime.settings, "Labels": {**runtime.settings.get("Labels", {}), **labels}},
        layers=(*runtime.layers, *layers),
        created=labels.get("org.opencontainers.image.created", EPOCH),
    )


def _files(line: str, bundle: Path, provenance: bytes) -> Mapping[str, Path | bytes]:
    """Return what a COPY adds, as `docker build` would, by paths in the image."""
    _, *sources, target = line.split()
    target = target.removeprefix("/")
    found: dict[str, Path | bytes] = {}
    for source in sources:
        path = bundle / source
        into = f"{target.rstrip('/')}/" if target.endswith("/") or path.is_dir() else target
        if source == PROVENANCE:
            found[into + PROVENANCE if into.endswith("/") else into] = provenance
        elif path.is_file():
            found[into + path.name if into.endswith("/") else into] = path
        else:
            found |= {
                into + each.relative_to(path).as_posix(): each
                for each in path.rglob("*")
                if each.is_file() and "__pycache__" not in each.parts
            }
    if not found:
        raise ArtifactError(
            f"{line!r} must copy files of {bundle}. Received: none there. Try: dvc repro build."
        )
    return found
