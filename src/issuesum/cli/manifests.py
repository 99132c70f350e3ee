"""`issuesum manifests`."""

from pathlib import Path

import click

from issuesum.cli import shared
from issuesum.shipping.kubernetes import Kind


@shared.verb(
    "issuesum manifests # of the last export",
    "issuesum manifests --canary REF --canary-traffic 5 # REF answers 5 %",
)
@click.option(
    "--image", metavar="REF",
    help="registry/name:tag or registry/name@sha256:…; without it, the image last exported.",
)  # fmt: skip
@shared.path_option(
    "-o", "--output", about="Folder to write to.", default=Path("deploy/serving"), folder=True
)
@shared.kind_option
@shared.name_option
@shared.replicas_option
@click.option("--canary", metavar="REF", help="Also write canary.yaml: this image gets a share.")
@shared.count_option("--canary-traffic", default=10, high=99, about="That share, in percent.")
@click.option(
    "--shadow", metavar="REF", help="Also write shadow.yaml: this image gets copies of requests."
)
@shared.pull_secret_option
def command(
    *, image: str | None, output: Path, kind: Kind, name: str, replicas: int, canary: str | None,
    canary_traffic: int, shadow: str | None, pull_secret: str | None,
) -> None:  # fmt: skip
    from issuesum.lineage.receipt import Receipt
    from issuesum.shipping.kubernetes.manifests import resolve, write_manifests

    if image is None:
        receipt = Receipt.load()
        image = f"{receipt.image}@{receipt.digest}"
    serving = resolve(image)
    written = write_manifests(
        output, name, serving, kind=kind, replicas=replicas, pull_secret=pull_secret,
        canary=resolve(canary) if canary else None, traffic=canary_traffic,
        shadow=resolve(shadow) if shadow else None,
    )  # fmt: skip
    shared.warn_of_localhost(serving.pinned)
    serves, monitors, *others = written
    shared.show(
        {"image": serving.pinned, "files": list(map(str, written))},
        f"{serving.pinned}\n",
        *(f"  {path}" for path in written),
        f"\nServe it:   kubectl apply -f {serves}",
        *(f"{f'Or, {path.stem}:':11s} kubectl apply -f {path}" for path in others),
        f"Metrics:    kubectl apply -f {monitors}  # with the Prometheus Operator",
    )
