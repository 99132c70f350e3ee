"""`issuesum provenance`."""

from __future__ import annotations

import json
from pathlib import Path

import click

_HELP = """Tell where an image or a bundle comes from: data, params, commit, scores.

REF is a tag, a digest, registry/name:tag, an image id of Docker Engine here, the folder of a
bundle, or a receipt; without it, the image last exported. Asks the registry only.
"""


@click.command(help=_HELP)
@click.argument("ref", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write a page that needs no other file and no network.",
)
@click.option(
    "--svg",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write the page's drawing alone.",
)
def command(ref: str | None, *, as_json: bool, html: Path | None, svg: Path | None) -> None:
    from dataclasses import asdict

    from issuesum.cli.repository import default_repository
    from issuesum.image.local import read_local
    from issuesum.lineage.page import write_page, write_picture
    from issuesum.lineage.trace import trace
    from issuesum.lineage.tree import text_of

    found = trace(ref, default=default_repository(), read_local=read_local)
    if html:
        write_page(html, found)
    if svg:
        write_picture(svg, found)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    click.echo(text_of(found), nl=False)
    if html:
        click.echo(f"page      {html}")
    if svg:
        click.echo(f"drawing   {svg}")
