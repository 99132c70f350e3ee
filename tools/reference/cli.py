"""The reference of all verbs, from what the command line says of itself."""

from __future__ import annotations

import re

import click

from issuesum.cli import SECTIONS, cli

_PAGES = {
    "ingest": "data.md",
    "sample": "data.md",
    "retrain": "retraining.md",
    "predict": "predict.md",
    "export": "export.md",
    "provenance": "provenance.md",
    "verify": "attestations.md",
    "diff": "diff.md",
    "restore": "restore.md",
    "serve": "serving.md",
    "web": "web.md",
    "manifests": "serving-on-kubernetes.md",
    "release": "releases.md",
    "jobs": "jobs.md",
    "report": "report.md",
    "card": "report.md",
    "doctor": "troubleshooting.md",
}
"""Where a verb is told of at length, beside docs/cli.md."""


def markdown() -> str:
    """Return a section for each group of verbs, and in it one for each verb."""
    parts = []
    for heading, verbs in SECTIONS.items():
        parts.append(f"## {heading}\n")
        parts += [_verb(name) for name in verbs]
    return "\n".join(parts)


def _verb(name: str) -> str:
    root = click.Context(cli, info_name="issuesum")
    command = cli.get_command(root, name)
    assert command is not None  # noqa: S101 -- it is in SECTIONS
    context = click.Context(command, info_name=name, parent=root)
    usage = " ".join(command.collect_usage_pieces(context))
    options = [
        _option(option, context) for option in command.params if isinstance(option, click.Option)
    ]
    more = f"\nMore: [{_PAGES[name]}]({_PAGES[name]}).\n" if name in _PAGES else ""
    examples = (command.epilog or "").partition("Examples:\n")[2]
    return (
        f"### issuesum {name}\n\n"
        f"```console\n$ issuesum {name} {usage}\n```\n\n"
        f"{_text(command.help or '')}\n\n"
        f"| option | what it does |\n|---|---|\n{''.join(options)}\n"
        f"```console\n{_commands(examples)}```\n{more}"
    )


def _option(option: click.Option, context: click.Context) -> str:
    told = option.get_help_record(context)
    assert told is not None  # noqa: S101 -- none is hidden
    names, text = (" ".join(each.split()).replace("|", "\\|") for each in told)
    return f"| `{names}` | {_escaped(text)} |\n"


def _text(told: str) -> str:
    """Return paragraphs, each on one line; what click is to leave as it is becomes a block."""
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", told.strip()):
        if paragraph.startswith("\b"):
            heading, *lines = paragraph.removeprefix("\b\n").splitlines()
            paragraphs += [_escaped(heading), "```\n" + "\n".join(map(str.strip, lines)) + "\n```"]
        else:
            paragraphs.append(_escaped(" ".join(paragraph.split())))
    return "\n\n".join(paragraphs)


def _escaped(text: str) -> str:
    return re.sub(r"([<>])", r"\\\1", text)


def _commands(examples: str) -> str:
    return "".join(f"$ {line.strip()}\n" for line in examples.splitlines())
