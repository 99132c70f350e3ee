"""`issuesum provenance`."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command(help="Tell where an image or a bundle comes from: data, params, commit, scores.")
@click.argument("ref", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write a page that needs no other file and no network.",
)
def command(ref: str | None, *, as_json: bool, html: Path | None) -> None:
    """REF is a tag, a digest, registry/name:tag, an image id, a bundle's folder or a receipt."""
    from dataclasses import asdict

    from issuesum.cli.repository import default_repository
    from issuesum.lineage.page import write_page
    from issuesum.lineage.trace import trace
    from issuesum.lineage.tree import text_of

    found = trace(ref, default=default_repository())
    if html:
        write_page(html, found)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    click.echo(text_of(found), nl=False)
    if html:
        click.echo(f"page      {html}")
