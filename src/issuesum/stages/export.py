"""Build the image from the bundle, check it and push it under the tag of its lineage."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from issuesum.console import with_bar
from issuesum.layout import ATTESTATIONS, BUNDLE, SPLIT
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.artefacts import artefacts_of, successful_runs
from issuesum.lineage.provenance.collect import collect
from issuesum.lineage.provenance.lookup import look_up
from issuesum.lineage.receipt import Receipt
from issuesum.registry.client import Registry
from issuesum.shipping.gate import Judged, check_gate, check_regression
from issuesum.shipping.image.ship import Target
from issuesum.stages.params import EvaluateParams, ExportParams, Params, defaults
from issuesum.stages.runner import ROOT, run


def main(params: Params) -> None:
    """Read serving/bundle and eval/metrics.json; push an image, attest it, leave a receipt.

    A tag that the registry holds already is not built again and never moved.
    """
    from issuesum.shipping.attestation.attachments import attest
    from issuesum.shipping.attestation.sbom import installed
    from issuesum.shipping.attestation.signing import signing_key
    from issuesum.shipping.attestation.statement import metadata_of

    key = signing_key()  # first: a key that cannot be used is reported before anything is pushed
    metrics = check_gate()
    target = target_of(params.export)
    registry = Registry(target.image.host)
    digest = target.pushed_digest(registry)
    if digest:
        print(f"export: the registry holds {target.image} already")
    digest = digest or _ship(registry, target, params, metrics)
    # Before the attestations: if one of them fails, the same command completes what is pushed.
    Receipt(str(target.image), digest, git=target.version.git, dvc=target.version.dvc).save()
    pinned = target.image.at(digest)
    known = look_up(str(pinned), default=None).exported()
    runs = successful_runs(ROOT)
    made = artefacts_of(Lock.parse(known.lock), bundle=known.bundle, made_by=runs)
    attest(
        registry, pinned, known, lambda: installed(str(pinned)), folder=ATTESTATIONS, key=key,
        requirements=(BUNDLE / "requirements.txt").read_text(encoding="utf-8"),
        metadata=metadata_of(known.image, datetime.now(UTC).isoformat(timespec="seconds"), made,
                             git.user(ROOT)),
    )  # fmt: skip


def target_of(params: ExportParams) -> Target:
    """Return the image that this working tree makes."""
    return Target.of(ROOT, BUNDLE, f"{params.address}/{params.image}")


def _score_live(model: Path, name: str, params: EvaluateParams) -> float:
    """Return ROUGE-L on the test split of the live model, whose image has no score on it."""
    from issuesum.serving.inference.writer import TitleWriter
    from issuesum.training.corpus.shards import read_head
    from issuesum.training.evaluation.metrics import score

    writer = TitleWriter.tried(model, of=name)
    test = read_head(SPLIT / "test", params.max_rows)
    batches = writer.titles_in_batches(list(test["body"]), params.batch_size)
    titles = [title.text for title in with_bar(batches, "live", len(test))]
    return score(titles, list(test["issue_title"]))["rouge_l"]


def _ship(registry: Registry, target: Target, params: Params, metrics: dict[str, Any]) -> str:
    from issuesum.shipping.image.engine import engine
    from issuesum.shipping.image.ship import ship

    image, version = str(target.image), target.version
    check_regression(
        Judged(image, metrics["model"]["rouge_l"]), ROOT, made_from=version,
        rows=metrics["test_rows"], max_regression=params.evaluate.gate.max_regression,
        score=lambda model, name: _score_live(model, name, params.evaluate), note=print,
    )  # fmt: skip
    made = collect(
        ROOT, image=image, made_from=version, params=params.model_dump(), defaults=defaults(),
        metrics=metrics,
    )  # fmt: skip
    with engine() as client:
        digest, title = ship(
            client, registry, target, made.to_json(),
            bundle=BUNDLE, base_image=params.export.base_image,
            timeout=params.export.smoke_timeout, patience=params.export.push_patience,
        )  # fmt: skip
    if title is None:
        print(f"export: another export pushed {image} meanwhile")
    else:
        print(f"export: the container's first title: {title}\nexport: pushed {image}")
    return digest


if __name__ == "__main__":
    run("export", main)
