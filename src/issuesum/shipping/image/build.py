"""`docker build` of a bundle."""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
from pathlib import Path
from typing import IO

import docker
from tqdm import tqdm

from issuesum.errors import EngineError

PROVENANCE = "provenance.json"
_CHATTER = ("Removing intermediate container", "--->")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NOT_CARRIED = "saved_model"  # for TensorFlow Serving, and as large as the rest together


def build_image(
    client: docker.DockerClient,
    bundle: Path,
    provenance: bytes,
    *,
    image: str,
    labels: dict[str, str],
    base_image: str,
) -> None:
    """Build `image` from a bundle and its provenance.

    Args:
        client: of Docker Engine.
        bundle: the folder that the build stage wrote.
        provenance: the content of /app/provenance.json.
        image: name that the result gets.
        labels: OCI labels.
        base_image: the Dockerfile's BASE_IMAGE.

    Raises:
        EngineError: a step of the Dockerfile failed.
    """
    with tempfile.TemporaryFile() as context:
        _write_context(context, bundle, provenance)
        context.seek(0)
        answers = client.api.build(
            fileobj=context,
            custom_context=True,
            tag=image,
            labels=labels,
            buildargs={"BASE_IMAGE": base_image},
            rm=True,
            forcerm=True,
            decode=True,
        )
        last = ""
        with tqdm(desc="docker build", unit=" lines", disable=None) as progress:
            for answer in answers:
                progress.update()
                if "error" in answer:
                    reason = _plain(answer["error"])
                    raise EngineError(
                        f"{bundle} must build. Received: {reason} (after: {last}). Try: docker "
                        f"system df, and the same again; or docker build {bundle}, "
                        f"with an empty {PROVENANCE}."
                    )
                said = _plain(answer.get("stream", ""))
                if said and not said.startswith(_CHATTER):
                    last = said


def _plain(text: str) -> str:
    return " ".join(_COLOURS.sub("", text).split())


def _write_context(target: IO[bytes], bundle: Path, provenance: bytes) -> None:
    """Write the tar that the engine builds from.

    Dates, owners and modes are fixed, so that equal files make equal layers, and files are
    readable by whatever user the container runs as.
    """
    with tarfile.open(fileobj=target, mode="w") as tar:
        for path in sorted(path for path in bundle.rglob("*") if path.is_file()):
            name = path.relative_to(bundle)
            if name.parts[0] != _NOT_CARRIED:
                _add(tar, name.as_posix(), path.read_bytes())
        _add(tar, PROVENANCE, provenance)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o644
    tar.addfile(entry, io.BytesIO(content))
