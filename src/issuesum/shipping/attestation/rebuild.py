"""Whether an image is what its provenance makes: it is made again, and compared."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any

from issuesum.errors import ArtifactError, one_line
from issuesum.layout import BUNDLE
from issuesum.lineage import git
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import FORMAT, Exported
from issuesum.lineage.restore import data
from issuesum.lineage.restore.restoring import restore
from issuesum.registry.canonical import CanonicalImage, Layer, read_canonical
from issuesum.registry.client import LARGEST, Registry
from issuesum.registry.image import UNREADABLE, entries
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.verification import Check, first_difference
from issuesum.shipping.image.builder import exclusive, staging_tag
from issuesum.shipping.image.dockerfile import build_runtime, compose
from issuesum.shipping.image.engine import engine, fetch_base


def check_rebuilt(found: Found, *, here: Path) -> Check:
    """Make an image again from its bundle and its provenance, and compare the digests.

    The bundle comes from the DVC remote. Code comes from the repository around `here` if that has
    the commit, or else from the Git URL of the provenance; nothing of it is run but its Dockerfile,
    by the engine. What is in the registry but the image is not used. ArtifactError: the image is of
    an earlier format, or the DVC remote lacks the bundle; EngineError: no engine answers, or the
    Dockerfile cannot be built; RepositoryError: the commit is not available.
    """
    known, image = found.exported(), found.image.reference
    if (known.format or 0) < FORMAT:
        raise ArtifactError(
            f"--rebuild must have an image in canonical form. Received: {image}, with a provenance "
            f"of format {known.format}, before {FORMAT}. Try: an image of a later export."
        )
    with tempfile.TemporaryDirectory(prefix="issuesum-") as place:
        folder = Path(place)
        made = _made_again(found, known, here=here, folder=folder)
        if made.digest == image.digest:
            return Check("rebuild", "ok", "made again, it has the same digest")
        wrong = _difference(Registry(image.host), image, made, folder)
        base = known.params.get("export", {}).get("base_image")
        if wrong and made.layers[0].made_by in wrong:
            wrong = f"{wrong}; {base} may have moved since (export.base_image can pin it)"
    same = "made again, it has the same content and config; the layers are packed by another zlib"
    return Check("rebuild", "failed", wrong) if wrong else Check("rebuild", "ok", same)


def _made_again(found: Found, known: Exported, *, here: Path, folder: Path) -> CanonicalImage:
    top = git.top(here)
    source = str(top) if top and git.has_commit(top, known.commit) else known.source
    tree = restore(found, folder / "tree", here=folder, source=source, data=False).root
    data.pull(tree, top, only=BUNDLE)
    image = found.image.reference
    with exclusive(image.repository), engine() as client, staging_tag(client, image) as staging:
        platform = f"linux/{found.image.architecture}"
        base = fetch_base(client, known.params["export"]["base_image"], platform)
        runtime = build_runtime(client, tree / BUNDLE, base=base, staging=staging, folder=folder)
    return compose(runtime, tree / BUNDLE, found.content, folder=folder)


def _difference(
    registry: Registry, image: Reference, made: CanonicalImage, folder: Path
) -> str | None:
    theirs = read_canonical(registry, image)
    if len(made.layers) != len(theirs.layers):
        return f"it has {len(theirs.layers)} layers, made again {len(made.layers)}"
    for number, (ours, layer) in enumerate(zip(made.layers, theirs.layers, strict=True), 1):
        if ours.digest != layer.digest:
            with tempfile.TemporaryFile(dir=folder) as packed:
                registry.download(image, layer.digest, packed, most=LARGEST)
                file = _differing_file(ours, packed)
            if file:
                return f"layer {number} ({ours.made_by}), {layer.digest}, differs in {file}"
    _, manifest = registry.manifest(image)
    config = json.loads(registry.blob(image, manifest["config"]["digest"]))
    where = first_difference(json.loads(made.config), config, "config")
    return f"its config differs in {where}" if where else None


def _differing_file(ours: Layer, packed: IO[bytes]) -> str | None:
    """Return the first file that differs, None if the layers differ in how they are packed."""
    assert ours.path  # noqa: S101 -- it was made now
    packed.seek(0)
    with ours.path.open("rb") as made:
        try:
            for mine, theirs in zip_longest(_entries(made), _entries(packed)):
                if mine != theirs:
                    return min(each[0] for each in (mine, theirs) if each)
        except UNREADABLE as error:
            return f"its form: {one_line(error)}"
    return None


def _entries(packed: IO[bytes]) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Yield name, hash of the content and header of each entry of a layer, in its order."""
    for tar, entry in entries(packed, LARGEST):
        file = tar.extractfile(entry) if entry.isreg() and not entry.issparse() else None
        content = hashlib.file_digest(file, "sha256").digest() if file else b""  # type: ignore[arg-type]
        yield entry.name, content, {**entry.get_info(), **entry.pax_headers}
