"""`issuesum export`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from issuesum.image.target import Target
    from issuesum.params import Params


@click.command(help="Build, check and push the image, as the export stage does.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen; change nothing.")
def command(*, dry_run: bool) -> None:
    from issuesum.params import load_params
    from issuesum.stages import export, runner

    if not dry_run:
        runner.run("export", export.main)
        return
    params = load_params()
    target = export.target_of(params.export)
    click.echo(f"image    {target.image}")
    click.echo(f"made of  {target.lineage}")
    _tell_changes()
    allowed = _tell_gate()
    _tell_steps(target, params, allowed=allowed)


def _tell_changes() -> None:
    from issuesum.lineage import git
    from issuesum.stages.export import ROOT

    changed = git.changed_files(ROOT)
    for path in changed:
        click.echo(f"dirty    {path}")
    if not changed:
        click.echo("dirty    nothing differs from the commit")


def _tell_gate() -> bool:
    from issuesum.errors import GateError
    from issuesum.stages.gate import check_gate

    try:
        check_gate()
    except GateError as error:
        click.echo(f"gate     {error}")
        return False
    click.echo("gate     passed")
    return True


def _tell_steps(target: Target, params: Params, *, allowed: bool) -> None:
    from issuesum.errors import RegistryError
    from issuesum.image.claim import held
    from issuesum.registry.client import Registry
    from issuesum.stages.paths import BUNDLE

    try:
        digest = held(Registry(target.image.host), target.image, target.lineage)
    except RegistryError as error:  # unreachable, or a clash: export would end with the same words
        click.echo(f"registry {error}")
        click.echo("would    fail")
        return
    click.echo(f"registry {f'holds it as {digest}' if digest else 'does not hold it'}")
    if not allowed:
        click.echo("would    refuse the model")
    elif digest:
        click.echo("would    write the receipt; nothing is built or pushed")
    else:
        size = sum(path.stat().st_size for path in BUNDLE.rglob("*") if path.is_file())
        click.echo(
            f"would    build on {params.export.base_image} from {BUNDLE} ({size / 1e6:.1f} MB), "
            "ask the container for a title, and push"
        )
