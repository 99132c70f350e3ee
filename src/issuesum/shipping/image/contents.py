"""What an image that only Docker Engine holds says of itself; nothing of the image is run."""

import io
import tarfile
from pathlib import PurePosixPath
from typing import Any

from docker.errors import ImageNotFound, NotFound

from issuesum.errors import ArtifactError
from issuesum.lineage.provenance.model import FILE
from issuesum.registry.client import UNPACKED, limited
from issuesum.shipping.image.engine import engine, reason_of


def read_local(name: str) -> tuple[dict[str, Any], bytes] | None:
    """Return `docker image inspect` and /app/provenance.json of an image that the engine holds.

    ArtifactError: it has no provenance, or a huge one; EngineError: the engine does not answer.
    """
    with engine() as client:
        try:
            image = client.images.get(name)
        except ImageNotFound:
            return None
        # A command is needed where the image has none; the container is never started.
        container = client.containers.create(image, ["never"], network_mode="none")
        try:
            chunks, _ = container.get_archive(f"/{FILE}")
            packed = io.BytesIO(b"".join(limited(chunks, UNPACKED, f"/{FILE}")))
            with tarfile.open(fileobj=packed) as archive:
                file = archive.extractfile(PurePosixPath(FILE).name)
                return dict(image.attrs), file.read() if file else b""
        except (NotFound, tarfile.TarError, KeyError) as error:
            raise ArtifactError(
                f"{name} must hold /{FILE}. Received: {reason_of(error)}. "
                "Try: an image that the export stage made."
            ) from error
        finally:
            container.remove(force=True)
