"""`issuesum doctor`: what is missing before a run."""

import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from issuesum.automation.doctor import CHECKS, Clone, examine
from issuesum.cli.shared import check_builder, show, verb, wants_json
from issuesum.errors import ParamsError

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "fail": ("FAIL", "red")}


@verb(
    "issuesum doctor",
    "issuesum doctor --only remote --only registry # those two",
    "issuesum doctor --json | jq '.checks[] | select(.status == \"fail\")'",
)
@click.option(
    "--only", "chosen", metavar="CHECK", type=click.Choice(tuple(CHECKS)), multiple=True,
    help=f"Run only this check; may be repeated. One of {', '.join(CHECKS)}.",
)  # fmt: skip
@click.pass_context
def command(context: click.Context, *, chosen: tuple[str, ...]) -> None:
    """List what is missing before a run, and what to do about it.

    Makes no changes. Exit code: 0 if no check failed, else 1; notes are not failures.
    """
    os.environ.setdefault("AWS_MAX_ATTEMPTS", "1")  # report an absent server at once
    names = [name for name in CHECKS if name in (chosen or CHECKS)]
    checks = []
    for name, finding in examine(names, _clone(), limit=15):
        checks.append({"name": name, **asdict(finding)})
        if not wants_json():
            mark, colour = _MARKS[finding.status]
            click.echo(f"{click.style(f'{mark:<5}', fg=colour)} {name:<12} {finding.found}")
            if finding.advice:
                click.echo(f"{'':19}Try: {finding.advice}")
    count = Counter(check["status"] for check in checks)
    text = f"\n{count['ok']} ok, {count['note']} to note, {count['fail']} failed"
    show({"ok": not count["fail"], "checks": checks}, text)
    context.exit(1 if count["fail"] else 0)


def _clone() -> Clone:
    from issuesum.stages.params import load_params

    try:
        params = load_params()
    except ParamsError as error:
        return Clone(Path(), error)
    return Clone(Path(), None, check_builder, lambda: params.export.repository)
