"""What several verbs share: options, completion of values, output."""

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import click
from click.shell_completion import CompletionItem

from issuesum.console import say
from issuesum.layout import NAME, PARAMS, RUNS, read_stages
from issuesum.shipping.kubernetes import Kind


def complete_file(_: object, __: object, incomplete: str) -> list[CompletionItem[str]]:
    """Let the shell offer files, where a URL would do as well."""
    return [CompletionItem(incomplete, type="file")]


def complete_stage(_: object, __: object, incomplete: str) -> list[str]:
    """Offer the stages of dvc.yaml."""
    from issuesum.errors import RepositoryError

    with contextlib.suppress(RepositoryError):  # a broken dvc.yaml
        return [stage for stage in read_stages(Path()) if stage.startswith(incomplete)]
    return []


def complete_tag(_: object, __: object, incomplete: str) -> list[CompletionItem[str]]:
    """Offer the tags of images that runs here pushed or the receipt names, or else files.

    A tag alone, since a shell takes the colon in registry/name:tag for the end of a word.
    """
    from issuesum.errors import ArtifactError
    from issuesum.lineage.receipt import Receipt
    from issuesum.lineage.runs.record import read_all

    images = [run.image for run in read_all(RUNS) if run.image]
    with contextlib.suppress(ArtifactError):  # nothing was exported yet
        images.insert(0, Receipt.load().image)
    tags = {image.rsplit(":", 1)[-1]: image for image in images}
    found = [CompletionItem(tag, help=image) for tag, image in tags.items()]
    matching = [item for item in found if item.value.startswith(incomplete)]
    return matching or complete_file(_, __, incomplete)


_JSON = click.Option(
    ["--json"], is_flag=True, expose_value=False, help="Print one JSON document instead of text.",
    callback=lambda context, _, given: context.meta.update({"json": given}),
)  # fmt: skip


def wants_json() -> bool:
    """Return whether the verb that runs was called with --json."""
    return bool(click.get_current_context().meta["json"])


def verb(*examples: str, json: bool = True) -> Callable[[Callable[..., None]], click.Command]:
    """Return a decorator that makes a command, whose help ends with examples and their comments."""
    parts = [re.split(r"\s+(?=# )", line) for line in examples]
    width = max((len(call) for call, *comment in parts if comment), default=0)
    shown = ("  ".join([f"  {call:{width}}", *comment]).rstrip() for call, *comment in parts)

    def decorate(function: Callable[..., None]) -> click.Command:
        command = click.command(epilog="\b\nExamples:\n" + "\n".join(shown))(function)
        command.params += [_JSON] * json
        return command

    return decorate


def count_option(
    *names: str, about: str, default: int, low: int = 1, high: int | None = None, metavar: str = "N"
) -> Callable[[Any], Any]:
    """Return an option whose value is an integer between two bounds."""
    return click.option(
        *names, metavar=metavar, type=click.IntRange(low, high), default=default, show_default=True,
        help=about,
    )  # fmt: skip


def path_option(
    *names: str, about: str, default: Path | None = None, folder: bool = False
) -> Callable[[Any], Any]:
    """Return an option that names a file or a folder to write."""
    return click.option(
        *names, metavar="DIR" if folder else "FILE",
        type=click.Path(path_type=Path, file_okay=not folder, dir_okay=folder),
        default=default, show_default=default is not None, help=about,
    )  # fmt: skip


name_option = click.option(
    "--name", metavar="NAME", default=NAME, show_default=True, help="Name of the resources."
)
kind_option = click.option(
    "--kind", type=click.Choice(get_args(Kind)), default="seldon",
    show_default=True, help="Serving platform: Seldon Core, a plain Deployment, or KServe.",
)  # fmt: skip
replicas_option = count_option("--replicas", default=2, about="Number of pods.")
pull_secret_option = click.option(
    "--pull-secret", metavar="NAME", help="Name of the image pull secret."
)
keys_option = click.option(
    "--key", "keys", metavar="FILE", type=click.Path(path_type=Path), multiple=True,
    envvar="ISSUESUM_VERIFY_KEY", show_envvar=True,
    help="PEM file of public keys; without one, signatures are not checked.",
)  # fmt: skip
source_argument = click.argument("source", metavar="SOURCE", shell_complete=complete_file)


def _columns(_: object, __: object, given: str | None) -> dict[str, str]:
    from issuesum.training.corpus.issue import COLUMNS

    pairs = [pair.partition("=") for pair in given.split(",")] if given else []
    if not all(column in COLUMNS and name for column, _, name in pairs):
        raise click.BadParameter(f"{given!r} is not COLUMN=NAME,…; columns: {', '.join(COLUMNS)}.")
    return {column: name for column, _, name in pairs}


def _separator(_: object, __: object, given: str | None) -> str | None:
    separator = "\t" if given in ("tab", "\\t") else given
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise click.BadParameter(f"{given!r} is not one character, or tab.")
    return separator


columns_option = click.option(
    "--columns", metavar="COLUMN=NAME,…", callback=_columns,
    help="Names of the source's columns or keys, as in issue_title=Summary,body=Description.",
)  # fmt: skip
separator_option = click.option(
    "--separator", metavar="CHARACTER", callback=_separator,
    help="Field separator of a CSV: one character, or tab.  [default: detected]",
)  # fmt: skip


def image_argument(name: str, metavar: str, *, required: bool = True) -> Callable[[Any], Any]:
    """Return an argument that names an image; a shell completes tags that are known here."""
    return click.argument(name, metavar=metavar, required=required, shell_complete=complete_tag)


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Print a document; what the encoding of standard output lacks is escaped."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(value, ensure_ascii=not utf8, indent=2))


def show(document: Mapping[str, Any] | list[Any], *lines: str) -> None:
    """Print a document if the verb was called with --json, or else lines for people."""
    if wants_json():
        print_json(document)
    else:
        click.echo("\n".join(lines))


def say_missing(missing: tuple[str, ...]) -> None:
    """Print what a report or a card lacks."""
    for each in missing:
        say("note", f"not available here: {each}")


def warn_of_localhost(image: str) -> None:
    """Print a note where a cluster could not pull the image of a manifest."""
    from issuesum.registry.reference import Reference

    if Reference.parse(image).is_local:
        say("note", "to a node, localhost is the node itself (ISSUESUM_REGISTRY)")


def check_builder() -> None:
    """Check that an image can be made here, with an engine or without (EngineError: it cannot)."""
    from issuesum.shipping.image.builder import check_builder
    from issuesum.stages.params import load_params

    params = load_params().export
    check_builder(
        params.builder, params.repository, Path(), base=params.base_image, platform=params.platform
    )


def default_repository() -> str | None:
    """Return registry/name from params.yaml, or without one from ISSUESUM_REGISTRY, or None."""
    from issuesum.stages.params import load_params

    if PARAMS.exists():
        return load_params().export.repository
    registry = os.environ.get("ISSUESUM_REGISTRY")
    return f"{registry}/{NAME}" if registry else None
