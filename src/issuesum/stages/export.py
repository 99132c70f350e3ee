"""Build the image from the bundle, check it and push it under the tag of its lineage."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from issuesum.layout import ATTESTATIONS, BUNDLE, RUNS
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.artefacts import artefacts_of
from issuesum.lineage.provenance.collect import collect
from issuesum.lineage.provenance.lookup import Found, look_up
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.runs.record import read_all
from issuesum.registry.client import Registry
from issuesum.shipping.gate import check_gate, check_regression
from issuesum.shipping.image.ship import Target
from issuesum.stages.params import ExportParams, Params, defaults
from issuesum.stages.runner import ROOT

if TYPE_CHECKING:
    from issuesum.shipping.image.builder import Builder


def main(params: Params) -> None:
    """Read serving/bundle and eval/metrics.json; push an image, attest it, leave a receipt.

    A tag that the registry holds already is not built again and never moved.
    """
    from issuesum.shipping.attestation.attachments import attest
    from issuesum.shipping.attestation.sbom import SCRIPT, read_distributions
    from issuesum.shipping.attestation.statement import metadata_of, signing_key
    from issuesum.shipping.image.builder import builder, exclusive

    key = signing_key()  # first: a key that cannot be used is reported before anything is pushed
    metrics = check_gate()
    target = target_of(params.export)
    registry = Registry(target.image.host)
    digest = target.pushed_digest(registry)
    if digest:
        print(f"export: the registry holds {target.image} already")
    with ExitStack() as stack:

        @cache  # only if it is needed: an engine may not answer
        def by() -> Builder:
            return stack.enter_context(builder(
                params.export.builder, target.image, base=params.export.base_image,
                platform=params.export.platform, patience=params.export.push_patience,
            ))  # fmt: skip

        digest = digest or _ship(by(), target, params, metrics)
        # Before the attestations: if one of them fails, the same command completes what is pushed.
        Receipt(str(target.image), digest, git=target.version.git, dvc=target.version.dvc).save()
        pinned = target.image.at(digest)
        known = look_up(str(pinned), default=None).exported()
        runs = read_all(ROOT / RUNS)
        made = artefacts_of(Lock.parse(known.lock), bundle=known.bundle, made_by=runs)
        stack.enter_context(exclusive(pinned.repository))  # of two exports one attests
        attest(
            registry, pinned, known,
            lambda: read_distributions(by().python_output(pinned, SCRIPT)),
            folder=ATTESTATIONS, key=key,
            requirements=(BUNDLE / "requirements.txt").read_text(encoding="utf-8"),
            metadata=metadata_of(
                known.image, datetime.now(UTC).isoformat(timespec="seconds"), made, git.user(ROOT)
            ),
        )  # fmt: skip


def target_of(params: ExportParams) -> Target:
    """Return the image that this working tree makes."""
    return Target.of(ROOT, BUNDLE, params.repository)


def provenance_of(target: Target, params: Params, metrics: dict[str, Any]) -> bytes:
    """Return /app/provenance.json of the image that this working tree makes."""
    # Who builds decides no byte of the image.
    known, used = defaults(), params.model_dump(exclude={"export": {"builder"}})
    del known["export"]["builder"]
    return collect(
        ROOT, image=str(target.image), made_from=target.version, patch=target.patch, params=used,
        defaults=known, metrics=metrics,
    ).to_json()  # fmt: skip


def _ship(by: Builder, target: Target, params: Params, metrics: dict[str, Any]) -> str:
    from issuesum.shipping.image.ship import ship

    image, evaluate = str(target.image), params.evaluate

    def compare(live: Found) -> tuple[float, tuple[float, float]]:
        # Imported if there is a live image: pandas alone takes half a second.
        from issuesum.lineage.reporting.live_comparison import compare_with_live

        return compare_with_live(
            live, ROOT, max_rows=evaluate.max_rows, batch_size=evaluate.batch_size
        )

    check_regression(
        image, metrics["model"]["rouge_l"], ROOT, made_from=target.version,
        rows=metrics["test_rows"], max_regression=evaluate.gate.max_regression,
        compare=compare, note=print,
    )  # fmt: skip
    made = provenance_of(target, params, metrics)
    digest, title = ship(by, target, made, bundle=BUNDLE, timeout=params.export.smoke_timeout)
    if title is None:
        print(f"export: another export pushed {image} meanwhile")
    else:
        print(f"export: {by.tried}: {title}\nexport: pushed {image}")
    return digest
