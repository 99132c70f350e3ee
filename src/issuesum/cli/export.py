"""`issuesum export`."""

import contextlib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from issuesum.cli.shared import print_json, show, verb, wants_json
from issuesum.errors import GateError, RegistryError
from issuesum.layout import BUNDLE
from issuesum.lineage import git


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
def command(*, dry_run: bool, runtime_only: bool) -> None:
    from issuesum.lineage.receipt import Receipt
    from issuesum.stages import export, runner
    from issuesum.stages.params import load_params

    if dry_run:
        plan = _plan()
        show(plan, *_lines(plan))
        return
    if runtime_only:
        from issuesum.shipping.image.builder import push_runtime

        params = load_params().export
        runtime = push_runtime(
            params.repository, Path(), base=params.base_image, platform=params.platform,
            patience=params.push_patience,
        )  # fmt: skip
        show({"runtime": str(runtime)}, str(runtime))
        return
    with contextlib.redirect_stdout(sys.stderr) if wants_json() else contextlib.nullcontext():
        runner.run("export", export.main)
    if wants_json():
        print_json(asdict(Receipt.load()))


def _plan() -> dict[str, Any]:
    """Return the JSON document of --dry-run; `size` is that of the bundle in bytes."""
    from issuesum.registry.client import Registry
    from issuesum.shipping.gate import check_gate
    from issuesum.stages.export import target_of
    from issuesum.stages.params import load_params

    params = load_params().export
    target = target_of(params)
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
        "lineage": target.lineage,
        "dirty": list(git.changed_files(Path())),
        "gate": refusal,
        "digest": digest,
        "registry": trouble,
        "action": "fail" if trouble else "refuse" if refusal else "receipt" if digest else "build",
        "base": params.base_image,
        "size": sum(path.stat().st_size for path in BUNDLE.rglob("*") if path.is_file()),
    }


def _lines(plan: dict[str, Any]) -> list[str]:
    actions = {
        "build": (
            f"build on {plan['base']} from {BUNDLE} ({plan['size'] / 1e6:.1f} MB), "
            "ask it for a title, and push"
        ),
        "receipt": "write the receipt; nothing is built or pushed",
        "refuse": "refuse the model",
        "fail": "fail",
    }
    held = f"holds it as {plan['digest']}" if plan["digest"] else "does not hold it"
    return [
        f"image    {plan['image']}\nmade of  {plan['lineage']}",
        *(f"dirty    {path}" for path in plan["dirty"] or ["nothing differs from the commit"]),
        f"gate     {plan['gate'] or 'passed'}\nregistry {plan['registry'] or held}",
        f"would    {actions[plan['action']]}",
    ]
