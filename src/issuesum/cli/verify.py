"""`issuesum verify`: whether an image is what it says, by its registry alone."""

import contextlib
from dataclasses import asdict
from pathlib import Path

import click

from issuesum.cli import shared

_MARKS = {"ok": "ok", "failed": "FAILED", "not committed": "TO DO", "not checked": "-"}


@shared.verb(
    "issuesum verify --key issuesum.pub # the last export, signatures too",
    "issuesum verify localhost:5000/issuesummarization:0676567ab7e1-59acd52619a2",
    "issuesum verify --rebuild # only what its provenance lists?",
    "issuesum verify --json | jq .verified # false: exit code 10 or 8",
)
@shared.image_argument("ref", "[REF]", required=False)
@shared.keys_option
@click.option("--deep", is_flag=True, help="Also compare the SBOM with what is installed.")
@click.option("--rebuild", is_flag=True, help="Also rebuild the image and compare digests.")
def command(*, ref: str | None, keys: tuple[Path, ...], deep: bool, rebuild: bool) -> None:
    """Check an image, its provenance, its attestations and their signatures.

    REF is registry/name:tag, registry/name@sha256:…, a tag or a digest alone, or the file of a
    receipt; without it, serving/image.json. Needs neither Docker Engine nor a repository; --deep
    needs the engine, and --rebuild the commit, from here or by the provenance's URL, and the DVC
    remote as well. It trains nothing.

    Exit code: 10 if a check fails, 8 if only dvc.lock is not committed yet.
    """
    from issuesum.console import printable
    from issuesum.errors import RepositoryError, VerificationError
    from issuesum.layout import PIPELINE, RECEIPT
    from issuesum.lineage import git
    from issuesum.lineage.provenance.lookup import look_up
    from issuesum.lineage.receipt import Receipt
    from issuesum.shipping.attestation.rebuild import check_rebuilt
    from issuesum.shipping.attestation.sbom import installed
    from issuesum.shipping.attestation.verification import public_keys, verify

    public = public_keys(keys)
    path = Path(ref) if ref else RECEIPT
    receipt = Receipt.load(path) if ref is None or path.is_file() else None
    found = look_up(ref, default=shared.default_repository())
    reference, root = found.image.reference, None
    with contextlib.suppress(RepositoryError):  # it may be elsewhere
        git.head(Path())
        root = Path() if PIPELINE.exists() else None
    done = verify(
        found, tag=None if receipt else _tag(str(ref)), receipt=receipt, keys=public, root=root,
        listed=installed(str(reference)) if deep else None,
    )  # fmt: skip
    if rebuild:
        done.append(check_rebuilt(found, here=Path()))
    failed = [check.name for check in done if check.state == "failed"]
    uncommitted = any(check.state == "not committed" for check in done)
    why = {"not checked": "not checked: "}
    shared.show(
        {"image": str(reference), "verified": not (failed or uncommitted),
         "checks": [asdict(check) for check in done]},
        f"{reference}\n",
        *(f"  {_MARKS[check.state]:<7} {check.name:<13} "
          f"{why.get(check.state, '')}{printable(check.detail)}" for check in done),
    )  # fmt: skip
    if failed:
        raise VerificationError(
            f"{reference} must be what it says. Received: {len(failed)} of {len(done)} checks "
            f"failed ({', '.join(failed)}). Try: another image, and find out who pushed this one."
        )
    if uncommitted:
        raise RepositoryError(
            f"The dvc.lock of {reference} must be committed. Received: its hashes in the working "
            "tree alone. Try: git commit dvc.lock."
        )


def _tag(ref: str) -> str | None:
    from issuesum.registry.reference import Reference

    if "/" not in ref:
        return None if ref.startswith("sha256:") else ref
    named = Reference.parse(ref)
    return named.tag or (None if named.digest else named.version)
