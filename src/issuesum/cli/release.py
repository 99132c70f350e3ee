"""`issuesum release`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from issuesum.cli import shared
from issuesum.console import say

if TYPE_CHECKING:
    from issuesum.shipping.kubernetes.manifests import Kind


@shared.verb(
    "issuesum release issuesummarization@v1.2.0 # a version",
    "issuesum release --stage prod --push # what is in production now",
)
@click.argument("tag", metavar="[TAG]", required=False)
@click.option("--stage", metavar="NAME", help="Instead of TAG: the version in this stage now.")
@shared.path_option(
    "-o", "--output", folder=True,
    about="Folder to write to.  [default: deploy/live/ and the stage or version]",
)  # fmt: skip
@click.option("--push", is_flag=True, help="Also commit them to a branch, in the stage's folder.")
@click.option(
    "--remote", metavar="NAME", default="origin", show_default=True, help="Git remote of --push."
)
@click.option(
    "--branch", metavar="NAME", default="live", show_default=True, help="Branch of --push."
)
@shared.kind_option
@shared.name_option
@shared.replicas_option
@shared.pull_secret_option
@shared.keys_option
@shared.json_option
def command(
    *,
    tag: str | None,
    stage: str | None,
    output: Path | None,
    push: bool,
    remote: str,
    branch: str,
    kind: Kind,
    name: str,
    replicas: int,
    pull_secret: str | None,
    keys: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Write manifests for a version registered with GTO, pinned by digest.

    TAG is a tag of GTO: issuesummarization@v1.2.0 or issuesummarization#prod#3. The same version
    gives the same bytes again. An image that the gate refused or the registry lacks is not
    released.
    """
    from issuesum.shipping.attestation.verification import public_keys
    from issuesum.shipping.kubernetes.manifests import resolve, write_manifests
    from issuesum.shipping.release import changed_since, checked_receipt, publish, wanted

    root = Path()
    found = wanted(root, tag, stage, current=push)
    receipt = checked_receipt(root, found, public_keys(keys))
    folder = found.stage or found.version
    target = output or Path("deploy/live") / folder
    image = resolve(f"{receipt.image}@{receipt.digest}")
    written = write_manifests(
        target, name, image, kind=kind, replicas=replicas, pull_secret=pull_secret
    )
    if changed := changed_since(root, found, receipt):
        some = ", ".join(changed[:3]) + (" …" if changed[3:] else "")
        say("note", f"at that commit is other code than in its image: {some}")
    shared.warn_of_localhost(receipt.pinned)
    commit = None
    if push:
        message = f"Release {found.version} to {found.stage} [skip ci]\n\n{receipt.pinned}"
        commit = publish(
            root, written, folder=folder, message=message, remote=remote, branch=branch
        )
    if as_json:
        document = {**asdict(found), "image": receipt.pinned, "changed": changed, "pushed": commit}
        shared.print_json({**document, "files": list(map(str, written))})
        return
    stage = f"in stage {found.stage}" if found.stage else "in no stage"
    click.echo(f"{found.version} {stage}, commit {found.commit[:12]}\n{receipt.pinned}\n")
    for path in written:
        click.echo(f"  {path}")
    if push:
        state = f"is at {commit[:12]}" if commit else "had the same already"
        click.echo(f"\n{remote}/{branch} {state}")
    else:
        click.echo(f"\nServe it:  kubectl apply -f {written[0]}")
