"""`issuesum card`."""

from pathlib import Path

from issuesum.cli.shared import path_option, say_missing, show, verb
from issuesum.layout import MODEL_CARD


@verb("issuesum card --json | jq -r .card   # its path")
@path_option("-o", "--output", about="Where the card goes.", default=MODEL_CARD)
def command(*, output: Path) -> None:
    """Write the model card of the working tree, with metadata for Hugging Face.

    It describes what the model is for, what it was made from and how good it is, and names the
    image of the last export.
    """
    from issuesum.lineage.reporting.card import write_card
    from issuesum.stages.params import load_params

    side = write_card(Path(), load_params().model_dump(), output)
    say_missing(side.missing)
    document = {"card": str(output), "missing": side.missing}
    show(document, f"{'card':<12} {output}")
