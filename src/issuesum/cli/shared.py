"""Options and arguments that several verbs take, and what several of them say."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from issuesum.cli.completing import complete_file, complete_tag
from issuesum.console import say

name_option = click.option(
    "--name",
    metavar="NAME",
    default="issuesummarization",
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
    told: str, *, default: Path | None = None, folder: bool = False
) -> Callable[[Any], Any]:
    """Return -o/--output, a file or a folder to write."""
    return click.option(
        "-o",
        "--output",
        metavar="DIR" if folder else "FILE",
        type=click.Path(path_type=Path, file_okay=not folder, dir_okay=folder),
        default=default,
        show_default=default is not None,
        help=told,
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
    """Say what a report or a card could not be told of."""
    for each in missing:
        say("note", f"not available here: {each}")


def warn_of_localhost(image: str) -> None:
    """Say so where a cluster could not pull the image of a manifest."""
    from issuesum.registry.reference import Reference

    if Reference.parse(image).is_local:
        say("note", "to a node, localhost is the node itself (ISSUESUM_REGISTRY)")
