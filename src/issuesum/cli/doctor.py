"""`issuesum doctor`: what is missing before a run, looked at side by side."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from issuesum.cli.shared import examples, json_option, print_json

if TYPE_CHECKING:
    from issuesum.automation.doctor.finding import Finding
    from issuesum.automation.doctor.running import Check
    from issuesum.stages.params import Params

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "fail": ("FAIL", "red")}
_LIMIT = 15
"""Seconds: a check's own time limits are shorter; this is for a name server that is silent, say."""
_ROOT = Path()


def _python() -> Check:
    from issuesum.automation.doctor.interpreter import interpreter

    version = ".".join(map(str, sys.version_info[:3]))
    shell = os.environ.get("SHELL", "")
    return lambda: interpreter(_ROOT, version, Path(sys.executable), shutil.which("python"), shell)


def _environment() -> Check:
    import issuesum
    from issuesum.automation.doctor.environment import environment, installed_versions

    code = Path(issuesum.__file__).parent

    def check() -> Finding:
        every = _distributions()
        broken = sum(name is None for name, _ in every)
        return environment(_ROOT, installed_versions(every), code, broken=broken)

    return check


def _lock() -> Check:
    from issuesum.automation.doctor.environment import lock_file

    return partial(lock_file, _ROOT)


def _git() -> Check:
    from issuesum.automation.doctor.repository import repository

    return partial(repository, _ROOT)


def _identity() -> Check:
    from issuesum.automation.doctor.repository import identity

    return partial(identity, _ROOT)


def _dvc() -> Check:
    from issuesum.automation.doctor.pipeline import pipeline

    return partial(pipeline, _ROOT)


def _params() -> Check:
    from issuesum.automation.doctor.finding import ok
    from issuesum.stages.params import PARAMS_FILE, load_params

    def check() -> Finding:
        load_params()
        return ok(f"{PARAMS_FILE} is valid")

    return check


def _data() -> Check:
    from issuesum.automation.doctor.pipeline import raw_data
    from issuesum.layout import RAW

    return partial(raw_data, _ROOT, RAW)


def _remote() -> Check:
    from issuesum.automation.doctor.pipeline import remote

    return partial(remote, _ROOT)


def _engine() -> Check:
    from issuesum.automation.doctor.containers import answering_engine

    return answering_engine


def _base() -> Check:
    from issuesum.automation.doctor.containers import base_image

    return _with_params(lambda params: base_image(params.export.base_image))


def _registry() -> Check:
    from issuesum.automation.doctor.shelf import answering_registry

    named_by = "ISSUESUM_REGISTRY" if os.environ.get("ISSUESUM_REGISTRY") else "params.yaml"
    user = os.environ.get("ISSUESUM_REGISTRY_USERNAME")
    return _with_params(
        lambda params: answering_registry(
            f"{params.export.address}/{params.export.image}", named_by, user
        )
    )


def _disk() -> Check:
    import tempfile

    from issuesum.automation.doctor.machine import disk, raw_bytes
    from issuesum.layout import RAW

    def check() -> Finding:
        temporary = Path(tempfile.gettempdir())
        free, free_there = (shutil.disk_usage(place).free for place in (_ROOT, temporary))
        return disk(_ROOT, free, temporary, free_there, raw_bytes(_ROOT, RAW))

    return check


def _memory() -> Check:
    from issuesum.automation.doctor.machine import available_memory, memory, memory_limit

    return lambda: memory(available_memory(), memory_limit())


def _compute() -> Check:
    from issuesum.automation.doctor.environment import installed_extra, installed_versions
    from issuesum.automation.doctor.machine import compute, cores, nvidia_gpus

    return lambda: compute(
        cores(), nvidia_gpus(), installed_extra(_ROOT, installed_versions(_distributions()))
    )


def _cluster() -> Check:
    from issuesum.automation.doctor.cluster import cluster

    config = bool(os.environ.get("TF_CONFIG"))
    return _with_params(lambda params: cluster(params.preprocess.cluster, config=config))


def _with_params(judge: Callable[[Params], Finding]) -> Check:
    """Return a check that judges params.yaml, and says so where that cannot be read."""
    from issuesum.automation.doctor.finding import note
    from issuesum.errors import ParamsError
    from issuesum.stages.params import load_params

    def check() -> Finding:
        try:
            params = load_params()
        except ParamsError:
            return note("not looked at, for want of a valid params.yaml", "see params above")
        return judge(params)

    return check


def _distributions() -> list[tuple[str | None, str]]:
    """Return names and versions in the order of sys.path; without METADATA there is no name."""
    from importlib.metadata import distributions

    # `name` and `version` warn where there is none.
    found = (one.metadata for one in distributions())
    return [(of.get("Name"), of.get("Version", "")) for of in found]


_PREPARE: dict[str, Callable[[], Check]] = {
    "python": _python,
    "environment": _environment,
    "lock": _lock,
    "git": _git,
    "identity": _identity,
    "dvc": _dvc,
    "params": _params,
    "data": _data,
    "remote": _remote,
    "engine": _engine,
    "base": _base,
    "registry": _registry,
    "disk": _disk,
    "memory": _memory,
    "compute": _compute,
    "cluster": _cluster,
}
_NAMES = tuple(_PREPARE)
"""In the order of the lines."""


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
    metavar="CHECK",
    type=click.Choice(_NAMES),
    multiple=True,
    help=f"Look at this alone; may be repeated. One of {', '.join(_NAMES)}.",
)
@json_option
@click.pass_context
def command(context: click.Context, *, chosen: tuple[str, ...], as_json: bool) -> None:
    """Tell what is missing before a run, and what to do about it.

    Changes nothing of yours. Ends with 0 if no check failed, else with 1; notes are no failures.
    """
    from issuesum.automation.doctor.running import examine, secrets_of

    found = examine(_checks(chosen or _NAMES), limit=_LIMIT, secrets=secrets_of(os.environ))
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


def _checks(chosen: Iterable[str]) -> dict[str, Check]:
    """Return the chosen checks in the order of the lines; only what these need is imported.

    What cannot be imported fails the checks that need it: `environment` tells why, and needs none
    of it.
    """
    from issuesum.automation.doctor.finding import not_imported

    checks: dict[str, Check] = {}
    for name in _NAMES:
        if name in chosen:
            try:
                checks[name] = _PREPARE[name]()
            except Exception as error:  # noqa: BLE001 -- what is half installed fails in any way
                checks[name] = partial(not_imported, error)
    return checks
