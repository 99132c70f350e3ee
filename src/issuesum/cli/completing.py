"""What a shell offers for the value of an argument or an option, from files that are here."""

from __future__ import annotations

import contextlib

import click
from click.shell_completion import CompletionItem


def complete_file(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem[str]]:
    """Let the shell offer files, where a URL would do as well."""
    return [CompletionItem(incomplete, type="file")]


def complete_stage(
    ctx: click.Context,  # noqa: ARG001
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[str]:
    """Offer the stages of the pipeline."""
    from issuesum.stages.params import STAGES

    return [stage for stage in STAGES if stage.startswith(incomplete)]


def complete_tag(
    ctx: click.Context,
    param: click.Parameter,
    incomplete: str,
) -> list[CompletionItem[str]]:
    """Offer the tags of images that runs here pushed or the receipt names, or else files.

    A tag alone, since a shell takes the colon in registry/name:tag for the end of a word.
    """
    from issuesum.errors import ArtifactError
    from issuesum.layout import RUNS
    from issuesum.lineage.receipt import Receipt
    from issuesum.lineage.runs.record import read_all

    images = [run.image for run in read_all(RUNS) if run.image]
    with contextlib.suppress(ArtifactError):  # nothing was exported yet
        images.insert(0, Receipt.load().image)
    tags = {image.rsplit(":", 1)[-1]: image for image in images}
    found = [CompletionItem(tag, help=image) for tag, image in tags.items()]
    return [item for item in found if item.value.startswith(incomplete)] or complete_file(
        ctx, param, incomplete
    )
