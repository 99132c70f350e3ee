"""`issuesum restore`: from an image to the working tree that it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from issuesum.cli.shared import examples, image_argument, json_option, print_json
from issuesum.console import say

if TYPE_CHECKING:
    from issuesum.lineage.provenance.lookup import Found
    from issuesum.lineage.restore.restoring import Restored


@click.command(
    "restore",
    epilog=examples(
        "issuesum restore 0676567ab7e1-59acd52619a2 # beside this repository",
        "issuesum restore 0676567ab7e1-59acd52619a2 ../before # code, data and model",
        "issuesum restore serving/image.json --verify # and make the bundle anew",
    ),
)
@image_argument(metavar="REF")
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@click.option("--source", metavar="URL", help="Clone this Git repository.")
@click.option("--remote", metavar="URL", help="Pull from this DVC remote.")
@click.option("--no-data", is_flag=True, help="Restore code, params and dvc.lock alone.")
@click.option("--verify", is_flag=True, help="Then make the bundle anew and compare its hash.")
@json_option
def command(
    *,
    ref: str,
    folder: Path | None,
    source: str | None,
    remote: str | None,
    no_data: bool,
    verify: bool,
    as_json: bool,
) -> None:
    """Make DIR the working tree that the image REF was made from: code, params, data, models.

    REF is registry/name:tag, registry/name@sha256:…, a tag, a digest or a receipt. DIR is
    <name>-<tag> by default, beside the repository that the command runs in.

    Within a clone that has the commit, DIR becomes a worktree of it; elsewhere the Git URL is
    cloned. The changes of a -dirty image are applied again. The data comes from the DVC remote,
    by the hashes in the image; afterwards dvc status is clean. Credentials come from the
    environment or from AWS' own files.
    """
    from issuesum.cli.shared import default_repository
    from issuesum.errors import ParamsError
    from issuesum.lineage.provenance.lookup import look_up
    from issuesum.lineage.restore.restoring import restore

    if verify and no_data:
        raise ParamsError(
            "A bundle must be made from data. Received: --verify and --no-data. Try: one of them."
        )
    found = look_up(ref, default=default_repository())
    found.exported()
    restored = restore(
        found,
        folder or _default_folder(found),
        here=Path(),
        source=source,
        url=remote,
        data=not no_data,
    )
    said: dict[str, Any] = _describe(found, restored)
    if not as_json:
        for name, value in said.items():
            click.echo(f"{name:<8} {value}")
    for note in _notes(restored):
        say("note", note)
    if verify:
        said["bundle"] = _verify(found, restored, quiet=as_json)
    if as_json:
        print_json({**said, "lost": restored.lost, "stale": restored.stale})


def _default_folder(found: Found) -> Path:
    from issuesum.lineage import git
    from issuesum.registry.reference import Reference

    image = Reference.parse(found.exported().image)
    root = git.top(Path())
    return (root.parent if root else Path()) / f"{image.name.rsplit('/', 1)[-1]}-{image.version}"


def _describe(found: Found, restored: Restored) -> dict[str, Any]:
    of_image = found.exported()
    dirty = ", and the changes that were not committed" if of_image.dirty else ""
    return {
        "image": str(found.image.reference),
        "folder": str(restored.root),
        "commit": f"{of_image.commit}{dirty}",
        "from": f"worktree of {restored.owner}" if restored.owner else "clone",
    }


def _notes(restored: Restored) -> list[str]:
    notes = [
        f"{path} is in no commit of any branch. Try: dvc repro in {restored.root}"
        for path in restored.lost
    ]
    if restored.stale:
        stale = " ".join(restored.stale)
        notes.append(f"not all is as dvc.lock says. Try: dvc repro {stale} in {restored.root}")
    return notes


def _verify(found: Found, restored: Restored, *, quiet: bool) -> dict[str, str]:
    from issuesum.errors import ArtifactError
    from issuesum.lineage.restore.rerun import rerun

    result = rerun(restored.root, found.exported())
    if not quiet:
        click.echo(f"\n{'bundle of the image':<20} {result.before}")
        click.echo(f"{'bundle made anew':<20} {result.after}")
    if result.before != result.after:
        gpu = (
            f" The model was trained on {result.gpu}: equal bytes are not to be expected."
            if result.gpu
            else ""
        )
        raise ArtifactError(
            f"The pipeline must make the bundle {result.before} again. Received: {result.after}; "
            f"first other outputs: {result.differing}.{gpu} "
            f"Try: dvc diff and git diff dvc.lock in {restored.root}; the same kind of CPU."
        )
    if not quiet:
        click.echo("the same")
    return {"image": result.before, "anew": result.after}
