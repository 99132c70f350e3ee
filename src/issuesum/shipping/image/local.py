"""An image that only this machine's Docker Engine has, read without running it."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from issuesum.errors import ArtifactError
from issuesum.lineage.provenance.model import FILE
from issuesum.registry.bounded import UNPACKED, limited


def read_local(image_id: str) -> tuple[dict[str, Any], bytes]:
    """Return what the engine knows of an image, and its provenance.

    Args:
        image_id: 12 or more hex digits, with or without sha256: before them.

    Returns:
        The engine's answer to `docker image inspect`, and the bytes of /app/provenance.json.

    Raises:
        ArtifactError: there is no such image, or it has no provenance, or a huge one.
        EngineError: the engine does not answer.
    """
    from docker.errors import ImageNotFound, NotFound

    from issuesum.shipping.image.engine import engine

    with engine() as client:
        try:
            image = client.images.get(image_id)
        except ImageNotFound as error:
            raise ArtifactError(
                f"Docker Engine must hold the image {image_id}. Received: no such image. "
                "Try: docker images, or the image's tag."
            ) from error
        container = client.containers.create(image, command=["never", "started"])
        try:
            chunks, _ = container.get_archive(f"/{FILE}")
            archive = b"".join(limited(chunks, UNPACKED, f"/{FILE}"))
        except NotFound as error:
            raise ArtifactError(
                f"The image {image_id} must hold /{FILE}. Received: an image without it. "
                "Try: an image that the export stage made."
            ) from error
        finally:
            container.remove()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        entry = tar.next()
        file = tar.extractfile(entry) if entry and entry.isfile() else None
        return dict(image.attrs), file.read() if file else b""
