"""`issuesum doctor`: what is missing before a run, looked at side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from issuesum.cli.shared import examples, json_option, print_json

if TYPE_CHECKING:
    from issuesum.health.finding import Finding
    from issuesum.params import Params

_NAMES = (
    "python", "environment", "lock", "git", "identity", "dvc", "params", "data", "remote",
    "engine", "base", "registry", "disk", "memory", "compute", "cluster",
)  # fmt: skip
_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "fail": ("FAIL", "red")}
_LIMIT = 15
"""Seconds: a check's own time limits are shorter; this is for a name server that is silent, say."""


@click.command(
    epilog=examples(
        "issuesum doctor",
        "issuesum doctor --only remote --only registry # those two",
        "issuesum doctor --json | jq -r '.checks[] | select(.status == \"fail\") | .advice'",
    )
)
@click.option(
    "--only",
    "chosen",
    type=click.Choice(_NAMES),
    multiple=True,
    help="Look at this alone; may be repeated.",
)
@json_option
@click.pass_context
def command(context: click.Context, *, chosen: tuple[str, ...], as_json: bool) -> None:
    """Tell what is missing before a run, and what to do about it.

    Changes nothing of yours. Ends with 0 if no check failed, else with 1; notes are no failures.
    """
    import os

    from issuesum.health.running import examine, secrets_of

    checks = {name: check for name, check in _checks().items() if name in (chosen or _NAMES)}
    found = examine(checks, limit=_LIMIT, secrets=secrets_of(os.environ))
    statuses = _as_json(found) if as_json else _as_text(found)
    if "fail" in statuses:
        context.exit(1)


def _as_json(found: Iterable[tuple[str, Finding]]) -> list[str]:
    checks = [{"name": name, **asdict(finding)} for name, finding in found]
    statuses = [str(check["status"]) for check in checks]
    said = {"ok": "fail" not in statuses, "checks": checks}
    print_json(said)
    return statuses


def _as_text(found: Iterable[tuple[str, Finding]]) -> list[str]:
    statuses = []
    for name, finding in found:
        mark, colour = _MARKS[finding.status]
        click.echo(f"{click.style(f'{mark:<5}', fg=colour)} {name:<12} {finding.found}")
        if finding.advice:
            click.echo(f"{'':18} Try: {finding.advice}")
        statuses.append(str(finding.status))
    count = {status: statuses.count(status) for status in _MARKS}
    click.echo(f"\n{count['ok']} ok, {count['note']} to note, {count['fail']} failed")
    return statuses


def _checks() -> dict[str, Callable[[], Finding]]:
    """Return every check with the values that it judges, in the order of the lines."""
    import os
    import shutil
    import sys
    import tempfile
    from functools import partial
    from importlib.metadata import distributions
    from pathlib import Path

    import issuesum
    from issuesum.health import containers, environment, interpreter, machine, pipeline, repository
    from issuesum.health.cluster import cluster
    from issuesum.health.shelf import answering_registry
    from issuesum.stages.paths import RAW

    root = Path()
    installed = environment.installed_versions((one.name, one.version) for one in distributions())
    temporary = Path(tempfile.gettempdir())

    def registry(params: Params) -> Finding:
        named_by = "ISSUESUM_REGISTRY" if os.environ.get("ISSUESUM_REGISTRY") else "params.yaml"
        return answering_registry(
            f"{params.export.address}/{params.export.image}",
            named_by,
            os.environ.get("ISSUESUM_REGISTRY_USERNAME"),
        )

    return {
        "python": partial(
            interpreter.interpreter,
            root,
            ".".join(map(str, sys.version_info[:3])),
            Path(sys.executable),
            shutil.which("python"),
        ),
        "environment": partial(
            environment.environment, root, installed, Path(issuesum.__file__).parent
        ),
        "lock": partial(environment.lock_file, root),
        "git": partial(repository.repository, root),
        "identity": partial(repository.identity, root),
        "dvc": partial(pipeline.pipeline, root),
        "params": _valid_params,
        "data": partial(pipeline.raw_data, root, RAW),
        "remote": partial(pipeline.remote, root),
        "engine": containers.answering_engine,
        "base": _with_params(lambda params: containers.base_image(params.export.base_image)),
        "registry": _with_params(registry),
        "disk": lambda: machine.disk(
            root,
            shutil.disk_usage(root).free,
            temporary,
            shutil.disk_usage(temporary).free,
            pipeline.raw_bytes(root, RAW),
        ),
        "memory": lambda: machine.memory(machine.available_memory(), machine.memory_limit()),
        "compute": lambda: machine.compute(
            machine.cores(), machine.nvidia_gpus(), environment.installed_extra(root, installed)
        ),
        "cluster": _with_params(
            lambda params: cluster(os.environ.get("TF_CONFIG"), params.preprocess.cluster)
        ),
    }


def _valid_params() -> Finding:
    from issuesum.health.finding import ok
    from issuesum.params import PARAMS_FILE, load_params

    load_params()
    return ok(f"{PARAMS_FILE} is valid")


def _with_params(judge: Callable[[Params], Finding]) -> Callable[[], Finding]:
    """Return a check that judges params.yaml, and says so where that cannot be read."""
    from issuesum.errors import ParamsError
    from issuesum.health.finding import note
    from issuesum.params import load_params

    def check() -> Finding:
        try:
            params = load_params()
        except ParamsError:
            return note("not looked at, for want of a valid params.yaml", "see params above")
        return judge(params)

    return check
