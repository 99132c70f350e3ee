"""`issuesum export`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import click

from issuesum.cli.shared import examples, json_option, print_json


@click.command(
    help="Build, check and push the image, as the export stage does.",
    epilog=examples(
        "issuesum export --dry-run # which image it would make",
        "issuesum export --dry-run --json | jq -r .action # build, receipt, refuse or fail",
    ),
)
@click.option("--dry-run", is_flag=True, help="Only say what would happen; change nothing.")
@json_option
def command(*, dry_run: bool, as_json: bool) -> None:
    import contextlib
    import sys

    from issuesum.lineage.receipt import Receipt
    from issuesum.stages import export, runner

    if dry_run:
        plan = _plan()
        print_json(asdict(plan)) if as_json else _print(plan)
        return
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        runner.run("export", export.main)
    if as_json:
        print_json(asdict(Receipt.load()))


@dataclass(frozen=True)
class _Plan:
    """What an export would do."""

    image: str
    lineage: str  # what it would be made of, by its labels
    dirty: list[str]  # files that differ from the commit
    gate: str | None  # why the model would be refused
    digest: str | None  # of the tag in the registry
    registry: str | None  # why the registry cannot be used
    action: str  # build, receipt if the registry holds the image, refuse or fail
    base: str  # image that it would be built on
    size: int  # bytes of the bundle


def _plan() -> _Plan:
    from issuesum.errors import GateError, RegistryError
    from issuesum.layout import BUNDLE
    from issuesum.lineage import git
    from issuesum.registry.client import Registry
    from issuesum.shipping.gate import check_gate
    from issuesum.stages import export
    from issuesum.stages.params import load_params

    params = load_params().export
    target = export.target_of(params)
    refusal = digest = trouble = None
    try:
        check_gate()
    except GateError as error:
        refusal = str(error)
    try:
        digest = target.pushed_digest(Registry(target.image.host))
    except RegistryError as error:  # unreachable, or a clash: export would end with the same words
        trouble = str(error)
    return _Plan(
        image=str(target.image),
        lineage=str(target.lineage),
        dirty=list(git.changed_files(export.ROOT)),
        gate=refusal,
        digest=digest,
        registry=trouble,
        action="fail" if trouble else "refuse" if refusal else "receipt" if digest else "build",
        base=params.base_image,
        size=sum(path.stat().st_size for path in BUNDLE.rglob("*") if path.is_file()),
    )


def _print(plan: _Plan) -> None:
    from issuesum.layout import BUNDLE

    actions = {
        "build": (
            f"build on {plan.base} from {BUNDLE} ({plan.size / 1e6:.1f} MB), "
            "ask the container for a title, and push"
        ),
        "receipt": "write the receipt; nothing is built or pushed",
        "refuse": "refuse the model",
        "fail": "fail",
    }
    click.echo(f"image    {plan.image}\nmade of  {plan.lineage}")
    for path in plan.dirty or ["nothing differs from the commit"]:
        click.echo(f"dirty    {path}")
    click.echo(f"gate     {plan.gate or 'passed'}")
    found = f"holds it as {plan.digest}" if plan.digest else "does not hold it"
    click.echo(f"registry {plan.registry or found}\nwould    {actions[plan.action]}")
