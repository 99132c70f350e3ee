"""`issuesum release`."""

from dataclasses import asdict
from pathlib import Path

import click

from issuesum.cli import shared
from issuesum.console import say
from issuesum.errors import shortened
from issuesum.shipping.kubernetes import Kind


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
def command(
    *, tag: str | None, stage: str | None, output: Path | None, push: bool, remote: str,
    branch: str, kind: Kind, name: str, replicas: int, pull_secret: str | None,
    keys: tuple[Path, ...],
) -> None:  # fmt: skip
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
    written = write_manifests(
        output or Path("deploy/live") / folder, name, resolve(f"{receipt.image}@{receipt.digest}"),
        kind=kind, replicas=replicas, pull_secret=pull_secret,
    )  # fmt: skip
    if changed := changed_since(root, found, receipt):
        say("note", f"at that commit is other code than in its image: {shortened(changed, 3)}")
    shared.warn_of_localhost(receipt.pinned)
    commit = None
    if push:
        message = f"Release {found.version} to {found.stage} [skip ci]\n\n{receipt.pinned}"
        commit = publish(
            root, written, folder=folder, message=message, remote=remote, branch=branch
        )
    stage = f"in stage {found.stage}" if found.stage else "in no stage"
    state = f"is at {commit[:12]}" if commit else "had the same already"
    shared.show(
        {**asdict(found), "image": receipt.pinned, "changed": changed, "pushed": commit,
         "files": list(map(str, written))},
        f"{found.version} {stage}, commit {found.commit[:12]}\n{receipt.pinned}\n",
        *(f"  {path}" for path in written),
        f"\n{remote}/{branch} {state}" if push else f"\nServe it:  kubectl apply -f {written[0]}",
    )  # fmt: skip
