"""Options that several verbs take, and a word that several of them say."""

from __future__ import annotations

from pathlib import Path

import click

name_option = click.option(
    "--name", default="issuesummarization", show_default=True, help="Of the SeldonDeployment."
)
replicas_option = click.option(
    "--replicas", type=click.IntRange(min=1), default=2, show_default=True, help="Pods."
)
pull_secret_option = click.option(
    "--pull-secret", metavar="NAME", help="Secret with which nodes pull the image."
)
keys_option = click.option(
    "--key",
    "keys",
    type=click.Path(path_type=Path),
    multiple=True,
    envvar="ISSUESUM_VERIFY_KEY",
    show_envvar=True,
    help="PEM file of public keys; without one, signatures are not checked.",
)


def warn_of_localhost(image: str) -> None:
    """Say so where a cluster could not pull the image of a manifest."""
    from issuesum.registry.reference import Reference

    if Reference.parse(image).is_local:
        click.echo("note: to a node, localhost is the node itself (ISSUESUM_REGISTRY)", err=True)
