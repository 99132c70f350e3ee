"""Writes the parts of docs/cli.md and docs/params.md that are made from code and params.yaml.

`make docs` runs it; a test compares.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from inspect import cleandoc
from itertools import chain
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import BaseModel

from issuesum.cli import SECTIONS, cli
from issuesum.files import replacing_file
from issuesum.layout import PARAMS
from issuesum.stages.params import Params, defaults

ROOT = Path(__file__).parents[1]
MARK = "<!-- What follows is made by `make docs`. -->\n"
_PAGES = {
    "data.md": ("ingest", "sample"),
    "shipping.md": ("export", "release", "report", "card"),
    "tracing.md": ("provenance", "verify", "restore", "diff", "jobs"),
    "serving.md": ("serve", "predict"),
    "kubernetes.md": ("manifests", "submit"),
    "automation.md": ("retrain",),
    "troubleshooting.md": ("doctor",),
}
"""Pages that explain a verb."""
_BOUNDS = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}


def verbs() -> str:
    """Return a section for each group of verbs, and in it one for each verb."""
    sections = ([f"## {heading}\n", *map(_verb, names)] for heading, names in SECTIONS.items())
    return "\n".join(chain(*sections))


def _verb(name: str) -> str:
    root = click.Context(cli, info_name="issuesum")
    command = cli.get_command(root, name)
    assert command is not None  # noqa: S101 -- it is in SECTIONS
    context = click.Context(command, info_name=name, parent=root)
    usage = " ".join(command.collect_usage_pieces(context))
    options = [_option(of, context) for of in command.params if isinstance(of, click.Option)]
    pages = (page for page, explained in _PAGES.items() if name in explained)
    more = "".join(f"\nMore: [{page}]({page}).\n" for page in pages)
    examples = (command.epilog or "").partition("Examples:\n")[2].splitlines()
    shown = "".join(f"$ {line.strip()}\n" for line in examples)
    return (
        f"### issuesum {name}\n\n"
        f"```console\n$ issuesum {name} {usage}\n```\n\n"
        f"{_text(cleandoc(command.help or ''))}\n\n"
        f"| option | what it does |\n|---|---|\n{''.join(options)}\n"
        f"```console\n{shown}```\n{more}"
    )


def _option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None  # noqa: S101 -- none is hidden
    names, text = (" ".join(each.split()).replace("|", "\\|") for each in record)
    return f"| `{names}` | {_escaped(text)} |\n"


def _text(text: str) -> str:
    """Return paragraphs, each on one line; what click leaves as it is becomes a block."""
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph.startswith("\b"):
            heading, *lines = paragraph.removeprefix("\b\n").splitlines()
            paragraphs += [_escaped(heading), "\n".join(["```", *map(str.strip, lines), "```"])]
        else:
            paragraphs.append(_escaped(" ".join(paragraph.split())))
    return "\n\n".join(paragraphs)


def _escaped(text: str) -> str:
    return re.sub(r"([<>])", r"\\\1", text)


def params() -> str:
    """Return a table for each section of params.yaml, from its comments and from the models."""
    values, about = defaults(), comments()
    parts = []
    for stage, field in Params.model_fields.items():
        section: Any = field.annotation  # a model
        parts.append(f"## {stage}\n\n{section.__doc__}\n")
        rows = "\n".join(_rows(section, values[stage], about, f"{stage}."))
        parts.append(f"| key | default | allowed | what it is |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def comments() -> dict[str, str]:
    """Return what params.yaml says next to each key that has a value, by dotted names."""
    found, path = {}, list[str]()
    for line in (ROOT / PARAMS).read_text(encoding="utf-8").splitlines():
        if key := re.match(r"( *)(\w+): +[^ #][^#]*# (.*)|( *)(\w+):", line):
            indent, name, comment = key[1] or key[4] or "", key[2] or key[5], key[3]
            path[len(indent) // 2 :] = [name]
            if comment:
                found[".".join(path)] = comment
    return found


def _rows(
    section: type[BaseModel], values: Mapping[str, Any], about: Mapping[str, str], prefix: str
) -> Iterator[str]:
    schema = section.model_json_schema()
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _rows(inner, values[name], about, f"{prefix}{name}.")
        else:
            allowed = _allowed(schema["properties"][name]).replace("|", "\\|")
            value = yaml.safe_dump(values[name]).splitlines()[0]
            meaning = about[f"{prefix}{name}"]
            meaning = f"{meaning[0].upper()}{meaning[1:]}."
            yield f"| `{prefix}{name}` | `{value}` | {allowed} | {meaning} |"


def _allowed(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "pattern" in schema:
        return f"`{schema['pattern']}`"
    bounds = [f"{sign} {schema[key]}" for key, sign in _BOUNDS.items() if key in schema]
    return f"{schema['type']} {', '.join(bounds)}".rstrip()


PAGES: dict[str, Callable[[], str]] = {"docs/cli.md": verbs, "docs/params.md": params}


def written(page: str) -> str:
    """Return what a page is to be: what is above its mark, and below it what the code says."""
    above, mark, _ = (ROOT / page).read_text(encoding="utf-8").partition(MARK)
    return f"{above}{mark}\n{PAGES[page]()}"


if __name__ == "__main__":
    for page in PAGES:
        text = written(page)
        with replacing_file(ROOT / page) as path:
            path.write_text(text, encoding="utf-8")
