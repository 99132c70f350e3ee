"""What several verbs share: options, completion of values, output."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from issuesum.console import say

NAME = "issuesummarization"
"""Default name of the image and of the SeldonDeployment."""


def complete_file(_: object, __: object, incomplete: str) -> list[CompletionItem[str]]:
    """Let the shell offer files, where a URL would do as well."""
    return [CompletionItem(incomplete, type="file")]


def complete_stage(_: object, __: object, incomplete: str) -> list[str]:
    """Offer the stages of the pipeline."""
    from issuesum.stages.params import STAGES

    return [stage for stage in STAGES if stage.startswith(incomplete)]


def complete_tag(_: object, __: object, incomplete: str) -> list[CompletionItem[str]]:
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
    matching = [item for item in found if item.value.startswith(incomplete)]
    return matching or complete_file(_, __, incomplete)


name_option = click.option(
    "--name",
    metavar="NAME",
    default=NAME,
    show_default=True,
    help="Name of the SeldonDeployment.",
)
replicas_option = click.option(
    "--replicas",
    metavar="N",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How many pods answer.",
)
pull_secret_option = click.option(
    "--pull-secret", metavar="NAME", help="Name of the secret with which nodes pull the image."
)
keys_option = click.option(
    "--key",
    "keys",
    metavar="FILE",
    type=click.Path(path_type=Path),
    multiple=True,
    envvar="ISSUESUM_VERIFY_KEY",
    show_envvar=True,
    help="PEM file of public keys; without one, signatures are not checked.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of text."
)


def output_option(
    about: str, *, default: Path | None = None, folder: bool = False
) -> Callable[[Any], Any]:
    """Return -o/--output, a file or a folder to write."""
    return click.option(
        "-o",
        "--output",
        metavar="DIR" if folder else "FILE",
        type=click.Path(path_type=Path, file_okay=not folder, dir_okay=folder),
        default=default,
        show_default=default is not None,
        help=about,
    )


def image_argument(name: str = "ref", *, metavar: str | None = None) -> Callable[[Any], Any]:
    """Return an argument that names an image; a shell completes tags that are known here."""
    return click.argument(name, metavar=metavar, shell_complete=complete_tag)


optional_image_argument = click.argument(
    "ref", metavar="[REF]", required=False, shell_complete=complete_tag
)
source_argument = click.argument("source", metavar="SOURCE", shell_complete=complete_file)


def examples(*lines: str) -> str:
    """Return the end of a verb's help: commands, and comments one below the other."""
    parts = [re.split(r"\s+(?=# )", line) for line in lines]
    width = max((len(command) for command, *comment in parts if comment), default=0)
    shown = ("  ".join([f"{command:{width}}", *comment]).rstrip() for command, *comment in parts)
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in shown)


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Print a document; what the encoding of standard output lacks is escaped."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(value, ensure_ascii=not utf8, indent=2))


def say_missing(missing: tuple[str, ...]) -> None:
    """Print what a report or a card lacks."""
    for each in missing:
        say("note", f"not available here: {each}")


def warn_of_localhost(image: str) -> None:
    """Print a note where a cluster could not pull the image of a manifest."""
    from issuesum.registry.reference import Reference

    if Reference.parse(image).is_local:
        say("note", "to a node, localhost is the node itself (ISSUESUM_REGISTRY)")


def default_repository() -> str | None:
    """Return registry/name from params.yaml, or without one from ISSUESUM_REGISTRY, or None.

    Raises:
        ParamsError: params.yaml or the variable is wrong.
    """
    from issuesum.layout import PARAMS
    from issuesum.stages.params import load_params

    if PARAMS.exists():
        export = load_params().export
        return f"{export.address}/{export.image}"
    registry = os.environ.get("ISSUESUM_REGISTRY")
    return f"{registry}/{NAME}" if registry else None
