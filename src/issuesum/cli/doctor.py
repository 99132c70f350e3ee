"""`issuesum doctor`: what is missing before a run."""

import os
import shutil
import sys
import textwrap
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from issuesum.automation.doctor import CHECKS, Clone, examine
from issuesum.cli.shared import check_builder, json_option, print_json, verb
from issuesum.errors import ParamsError

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "fail": ("FAIL", "red")}
_INDENT = 19  # characters, for mark and name


@verb(
    "issuesum doctor",
    "issuesum doctor --only remote --only registry # those two",
    "issuesum doctor --json | jq '.checks[] | select(.status == \"fail\")'",
)
@click.option(
    "--only", "chosen", metavar="CHECK", type=click.Choice(tuple(CHECKS)), multiple=True,
    help=f"Run only this check; may be repeated. One of {', '.join(CHECKS)}.",
)  # fmt: skip
@json_option
@click.pass_context
def command(context: click.Context, *, chosen: tuple[str, ...], as_json: bool) -> None:
    """List what is missing before a run, and what to do about it.

    Makes no changes. Exit code: 0 if no check failed, else 1; notes are not failures.
    """
    os.environ.setdefault("AWS_MAX_ATTEMPTS", "1")  # report an absent server at once
    names = [name for name in CHECKS if name in (chosen or CHECKS)]
    checks = []
    for name, finding in examine(names, _clone(), limit=15):
        checks.append({"name": name, **asdict(finding)})
        if not as_json:
            mark, colour = _MARKS[finding.status]
            start = f"{click.style(f'{mark:<5}', fg=colour)} {name:<12} "
            click.echo(start + _fitted(finding.found))
            if finding.advice:
                click.echo(f"{'':{_INDENT}}{_fitted(f'Try: {finding.advice}')}")
    count = Counter(check["status"] for check in checks)
    if as_json:
        print_json({"ok": not count["fail"], "checks": checks})
    else:
        click.echo(f"\n{count['ok']} ok, {count['note']} to note, {count['fail']} failed")
    context.exit(1 if count["fail"] else 0)


def _fitted(text: str) -> str:
    """Return text in lines of a terminal's width behind the names; elsewhere it stays one line."""
    if not sys.stdout.isatty():
        return text
    width = max(40, shutil.get_terminal_size().columns - _INDENT)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{'':{_INDENT}}".join(lines)


def _clone() -> Clone:
    from issuesum.stages.params import load_params

    try:
        params = load_params()
    except ParamsError as error:
        return Clone(Path(), error)
    return Clone(
        Path(), None, check_builder, lambda: params.export.repository,
        lambda: params.preprocess.cluster,
    )  # fmt: skip
