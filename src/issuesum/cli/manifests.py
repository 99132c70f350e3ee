"""`issuesum manifests`."""

from __future__ import annotations

from pathlib import Path

import click

from issuesum.cli.shared import (
    examples,
    json_option,
    name_option,
    output_option,
    print_json,
    pull_secret_option,
    replicas_option,
    warn_of_localhost,
)


@click.command(
    help="Write Kubernetes manifests that serve an image, pinned by digest.",
    epilog=examples(
        "issuesum manifests # of the image last exported",
        "issuesum manifests --canary REF --canary-traffic 5 # a second image answers 5 %",
    ),
)
@click.option(
    "--image",
    metavar="REF",
    help="registry/name:tag or registry/name@sha256:…; without it, the image last exported.",
)
@output_option("Folder to write to.", default=Path("deploy/serving"), folder=True)
@name_option
@replicas_option
@click.option("--canary", metavar="REF", help="Also write canary.yaml: this image answers a share.")
@click.option(
    "--canary-traffic",
    metavar="N",
    type=click.IntRange(1, 99),
    default=10,
    show_default=True,
    help="That share in percent.",
)
@click.option(
    "--shadow", metavar="REF", help="Also write shadow.yaml: this image gets a copy of requests."
)
@pull_secret_option
@json_option
def command(
    *,
    image: str | None,
    output: Path,
    name: str,
    replicas: int,
    canary: str | None,
    canary_traffic: int,
    shadow: str | None,
    pull_secret: str | None,
    as_json: bool,
) -> None:
    from issuesum.lineage.receipt import Receipt
    from issuesum.shipping.kubernetes.reference import resolve
    from issuesum.shipping.kubernetes.writing import write_manifests

    if image is None:
        receipt = Receipt.load()
        image = f"{receipt.image}@{receipt.digest}"
    serving = resolve(image)
    candidate = resolve(canary) if canary else None
    behind = resolve(shadow) if shadow else None
    written = write_manifests(
        output,
        name,
        serving,
        replicas=replicas,
        candidate=candidate,
        traffic=canary_traffic,
        behind=behind,
        pull_secret=pull_secret,
    )
    warn_of_localhost(serving.pinned)
    if as_json:
        print_json({"image": serving.pinned, "files": list(map(str, written))})
        return
    click.echo(f"{serving.pinned}\n")
    for path in written:
        click.echo(f"  {path}")
    always, others = written[:2], written[2:]
    click.echo(f"\nServe it:  kubectl apply {' '.join(f'-f {path}' for path in always)}")
    for path in others:
        click.echo(f"{f'Or, {path.stem}:':10s} kubectl apply -f {path}")
