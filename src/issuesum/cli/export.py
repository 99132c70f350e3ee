"""`issuesum export`."""

from dataclasses import asdict
from typing import Any

import click

from issuesum.cli.shared import json_option, print_json, verb


@verb(
    "issuesum export --dry-run # the image it would make",
    "issuesum export --dry-run --json | jq -r .action # what it would do",
    "issuesum export --runtime-only # base and libraries only",
)
@click.option("--dry-run", is_flag=True, help="Only show what would happen; change nothing.")
@click.option(
    "--runtime-only", is_flag=True,
    help="Only push the runtime (base and libraries); later exports then need no Docker Engine.",
)  # fmt: skip
@json_option
def command(*, dry_run: bool, runtime_only: bool, as_json: bool) -> None:
    import contextlib
    import sys

    from issuesum.lineage.receipt import Receipt
    from issuesum.stages import export, runner

    if dry_run:
        print_json(_plan()) if as_json else _print(_plan())
        return
    if runtime_only:
        runtime = _push_runtime()
        print_json({"runtime": runtime}) if as_json else click.echo(runtime)
        return
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        runner.run("export", export.main)
    if as_json:
        print_json(asdict(Receipt.load()))


def _push_runtime() -> str:
    from issuesum.shipping.image.builder import push_runtime
    from issuesum.shipping.image.engine import Base
    from issuesum.stages.params import load_params
    from issuesum.stages.runner import ROOT

    params = load_params().export
    base = Base(params.base_image, params.platform)
    return str(push_runtime(params.repository, ROOT, base=base, patience=params.push_patience))


def _plan() -> dict[str, Any]:
    """Return the JSON document of --dry-run; `size` is that of the bundle in bytes."""
    from issuesum.errors import GateError, RegistryError
    from issuesum.layout import BUNDLE
    from issuesum.lineage import git
    from issuesum.registry.client import Registry
    from issuesum.shipping.gate import check_gate
    from issuesum.stages import export
    from issuesum.stages.params import load_params
    from issuesum.stages.runner import ROOT

    params = load_params().export
    target = export.target_of(params)
    refusal = digest = trouble = None
    try:
        check_gate()
    except GateError as error:
        refusal = str(error)
    try:
        digest = target.pushed_digest(Registry(target.image.host))
    except RegistryError as error:  # export would fail with the same message
        trouble = str(error)
    return {
        "image": str(target.image),
        "lineage": str(target.lineage),
        "dirty": list(git.changed_files(ROOT)),
        "gate": refusal,
        "digest": digest,
        "registry": trouble,
        "action": "fail" if trouble else "refuse" if refusal else "receipt" if digest else "build",
        "base": params.base_image,
        "size": sum(path.stat().st_size for path in BUNDLE.rglob("*") if path.is_file()),
    }


def _print(plan: dict[str, Any]) -> None:
    from issuesum.layout import BUNDLE

    actions = {
        "build": (
            f"build on {plan['base']} from {BUNDLE} ({plan['size'] / 1e6:.1f} MB), "
            "ask it for a title, and push"
        ),
        "receipt": "write the receipt; nothing is built or pushed",
        "refuse": "refuse the model",
        "fail": "fail",
    }
    click.echo(f"image    {plan['image']}\nmade of  {plan['lineage']}")
    for path in plan["dirty"] or ["nothing differs from the commit"]:
        click.echo(f"dirty    {path}")
    click.echo(f"gate     {plan['gate'] or 'passed'}")
    found = f"holds it as {plan['digest']}" if plan["digest"] else "does not hold it"
    click.echo(f"registry {plan['registry'] or found}\nwould    {actions[plan['action']]}")
