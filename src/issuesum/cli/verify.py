"""`issuesum verify`: whether an image is what it says, by its registry alone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from issuesum.cli.shared import (
    examples,
    json_option,
    keys_option,
    optional_image_argument,
    print_json,
)

if TYPE_CHECKING:
    from issuesum.lineage.receipt import Receipt
    from issuesum.shipping.attestation.distributions import Distribution

_MARKS = {"ok": "ok", "failed": "FAILED", "not checked": "-"}


@click.command(
    "verify",
    epilog=examples(
        "issuesum verify --key issuesum.pub # the image last exported, signatures too",
        "issuesum verify localhost:5000/issuesummarization:0676567ab7e1-59acd52619a2",
        "issuesum verify --json | jq .verified # true, or false and exit code 10",
    ),
)
@optional_image_argument
@keys_option
@click.option(
    "--deep", is_flag=True, help="Also run the image's Python: is installed what the bill lists?"
)
@json_option
def command(*, ref: str | None, keys: tuple[Path, ...], deep: bool, as_json: bool) -> None:
    """Check an image, its provenance, its attestations and their signatures.

    REF is registry/name:tag, registry/name@sha256:…, a tag or a digest alone, or the file of a
    receipt; without it, serving/image.json. Needs neither Docker Engine (but for --deep) nor a
    repository.
    """
    from issuesum.cli.shared import default_repository
    from issuesum.console import printable
    from issuesum.errors import VerificationError
    from issuesum.lineage.provenance.lookup import look_up
    from issuesum.lineage.provenance.model import FILE
    from issuesum.registry.client import Registry
    from issuesum.registry.image import read_file
    from issuesum.shipping.attestation.keys import public_keys
    from issuesum.shipping.attestation.verification import Given, verify

    public = public_keys(keys)
    receipt = _receipt(ref)
    image = look_up(ref, default=default_repository()).image
    reference = image.reference
    registry = Registry(reference.host)
    given = Given(
        tag=_tag(receipt.image if receipt else str(ref)),
        receipt=receipt,
        keys=public,
        listed=_listed(str(reference)) if deep else None,
        root=_repository(),
    )
    done = verify(registry, image, read_file(registry, image, FILE), given)
    failed = [check.name for check in done if check.state == "failed"]
    if as_json:
        said = {
            "image": str(reference),
            "verified": not failed,
            "checks": [asdict(check) for check in done],
        }
        print_json(said)
    else:
        click.echo(f"{reference}\n")
        for check in done:
            why = f"not checked: {check.detail}" if check.state == "not checked" else check.detail
            click.echo(f"  {_MARKS[check.state]:<7} {check.name:<13} {printable(why)}")
    if failed:
        raise VerificationError(
            f"{reference} must be what it says. Received: {len(failed)} of {len(done)} checks "
            f"failed ({', '.join(failed)}). Try: another image, and find out who pushed this one."
        )


def _receipt(ref: str | None) -> Receipt | None:
    from issuesum.layout import RECEIPT
    from issuesum.lineage.receipt import Receipt

    if ref is None:
        return Receipt.load(RECEIPT)
    return Receipt.load(Path(ref)) if Path(ref).is_file() else None


def _repository() -> Path | None:
    from issuesum.errors import RepositoryError
    from issuesum.lineage import git

    root = Path()
    try:
        git.head(root)
    except RepositoryError:
        return None
    return root if (root / "dvc.yaml").exists() else None


def _tag(ref: str) -> str | None:
    from issuesum.registry.reference import Reference

    if "/" not in ref:
        return None if ref.startswith("sha256:") else ref
    named = Reference.parse(ref)
    return named.tag or (None if named.digest else named.version)


def _listed(image: str) -> list[Distribution]:
    from issuesum.shipping.attestation.distributions import installed
    from issuesum.shipping.image.engine import engine
    from issuesum.shipping.image.transfer import fetch

    with engine() as client:
        fetch(client, image)
        return installed(client, image)
