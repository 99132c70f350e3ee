"""`issuesum card`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("card")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("eval/MODEL_CARD.md"),
    show_default=True,
    help="The card.",
)
def command(output: Path) -> None:
    """Write the model card of the working tree, with metadata for Hugging Face.

    It says what the model is for, what it was made from and how good it is, and names the image of
    the last export.
    """
    from issuesum.files import replacing_file
    from issuesum.params import load_params
    from issuesum.report.card import render
    from issuesum.report.side import read_side

    side = read_side(Path(), None)
    text = render(side, load_params().model_dump())
    with replacing_file(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
    for note in side.missing:
        click.echo(f"not available here: {note}", err=True)
    click.echo(f"{'card':<12} {output}")
