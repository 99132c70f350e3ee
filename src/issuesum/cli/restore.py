"""`issuesum restore`: from an image to the working tree that it was made from."""

from pathlib import Path
from typing import Any

import click

from issuesum.cli import shared
from issuesum.console import say
from issuesum.errors import ParamsError
from issuesum.lineage import git


@shared.verb(
    "issuesum restore 0676567ab7e1-59acd52619a2 # next to this clone",
    "issuesum restore 0676567ab7e1-59acd52619a2 ../before # code, data and model",
    "issuesum restore serving/image.json --verify # rebuild the bundle",
)
@shared.image_argument("ref", "REF")
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@click.option("--source", metavar="URL", help="Clone this Git repository.")
@click.option("--remote", metavar="URL", help="Pull from this DVC remote.")
@click.option("--no-data", is_flag=True, help="Restore only code, params and dvc.lock.")
@click.option("--verify", is_flag=True, help="Then rebuild the bundle and compare its hash.")
def command(
    *, ref: str, folder: Path | None, source: str | None, remote: str | None, no_data: bool,
    verify: bool,
) -> None:  # fmt: skip
    """Restore into DIR the working tree that the image REF was built from.

    REF is registry/name:tag, registry/name@sha256:…, a tag, a digest or a receipt. DIR is
    <name>-<tag> by default, next to the repository that the command runs in.

    Within a clone that has the commit, DIR becomes a worktree of it; elsewhere the Git URL is
    cloned. The changes of a -dirty image are applied again. The data comes from the DVC remote,
    by the hashes in the image; afterwards dvc status is clean, if dvc.lock was committed.
    Credentials come from the environment or from AWS' own files.
    """
    from issuesum.lineage.provenance.lookup import look_up
    from issuesum.lineage.restore.restoring import rerun, restore
    from issuesum.registry.reference import Reference
    from issuesum.shipping.attestation.attachments import as_attested

    if verify and no_data:
        raise ParamsError(
            "A bundle must be made from data. Received: --verify and --no-data. Try: one of them."
        )
    found = look_up(ref, default=shared.default_repository())
    known, top = found.exported(), git.top(Path())
    image, parent = Reference.parse(known.image), top.parent if top else Path()
    folder = folder or parent / f"{image.name.rsplit('/', 1)[-1]}-{image.version}"
    restored = restore(found, folder, here=Path(), source=source, url=remote, data=not no_data)
    dirty = ", and the changes that were not committed" if known.dirty else ""
    document: dict[str, Any] = {
        "image": str(found.image.reference),
        "folder": str(restored.root),
        "commit": f"{known.commit}{dirty}",
        "from": f"worktree of {restored.owner}" if restored.owner else "clone",
    }
    lines = [f"{name:<8} {value}" for name, value in document.items()]
    for path in restored.lost:
        say("note", f"{path} is in no commit of any branch. Try: dvc repro in {restored.root}")
    if restored.stale:
        call = f"dvc repro {' '.join(restored.stale)} in {restored.root}"
        say("note", f"not all is as in dvc.lock. Try: {call}")
    if verify:
        trained_on = rerun(restored.root, as_attested(found.image.reference, known))
        document["bundle"] = {"image": known.bundle, "rebuilt": known.bundle}
        lines += ["", *(f"bundle {of}  {known.bundle}" for of in ("of the image", "made again  "))]
        lines += [f"the same, though it was trained on {trained_on}" if trained_on else "the same"]
    document |= {"lost": restored.lost, "stale": restored.stale}
    shared.show(document, *lines)
