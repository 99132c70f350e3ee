"""`issuesum summary`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from issuesum.cli.shared import examples, json_option, print_json

if TYPE_CHECKING:
    from issuesum.lineage.receipt import Receipt

_COLUMNS = {"rouge_1": "ROUGE-1", "rouge_2": "ROUGE-2", "rouge_l": "ROUGE-L", "bleu": "BLEU"}
_NAMES = {
    "model": "this model",
    "lead": "first words of the body",
    "neighbour": "title of the most similar issue",
}


@click.command(
    help="Tell what the last run made: image, scores, times.",
    epilog=examples(
        "issuesum summary",
        "issuesum summary --json | jq .scores.model.rouge_l",
    ),
)
@click.option("--verify", is_flag=True, help="Fail unless the registry holds the image.")
@json_option
def command(*, verify: bool, as_json: bool) -> None:
    from issuesum.errors import ArtifactError
    from issuesum.layout import DATA_REPORT, METRICS, RUNS
    from issuesum.lineage.receipt import Receipt
    from issuesum.lineage.runs import record as runs
    from issuesum.stages.params import STAGES

    receipt = Receipt.load()
    if verify:
        _verify(receipt)
    try:
        metrics = json.loads(METRICS.read_text(encoding="utf-8"))
        figures = {name: [metrics[name][column] for column in _COLUMNS] for name in _NAMES}
        rows = int(metrics["test_rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{METRICS} must hold scores. Received: {type(error).__name__}. Try: dvc repro."
        ) from error
    last = {stage: runs.last(stage, RUNS) for stage in STAGES}
    if as_json:
        scores = {name: {column: metrics[name][column] for column in _COLUMNS} for name in _NAMES}
        times = {
            stage: {"started": run.started, "seconds": run.seconds}
            for stage, run in last.items()
            if run
        }
        report = str(DATA_REPORT / "report.html")
        told = {"data": report, "test_rows": rows, "scores": scores, "runs": times}
        print_json({**asdict(receipt), **told})
        return
    click.echo(f"\nimage    {receipt.image}\ndigest   {receipt.digest}")
    click.echo(f"data     {DATA_REPORT / 'report.html'}\n")
    click.echo(f"{f'on {rows:,} test issues':32s}" + "".join(f"{c:>9s}" for c in _COLUMNS.values()))
    for name, shown in _NAMES.items():
        click.echo(f"  {shown:30s}" + "".join(f"{figure:9.2f}" for figure in figures[name]))
    click.echo("\nlast run of each stage")
    for stage, run in last.items():
        if run:
            click.echo(f"  {stage:12s}{run.seconds or 0:7.1f} s   started {run.started}")
    click.echo(
        "\nnext\n"
        f"{_registry_hint()}"
        "  make serve                  run the image and ask it for a title\n"
        "  . .venv/bin/activate        put dvc and issuesum on PATH, then:\n"
        "  issuesum ingest FILE        put your own issues in place of these\n"
        "  dvc repro && dvc push       rerun what is stale and share the results\n"
    )


def _registry_hint() -> str:
    from issuesum.stages.params import load_params

    export = load_params().export
    if export.address == export.registry:
        return ""
    return "  set -a; . ./.services.env     the registry is not the one in params.yaml\n"


def _verify(receipt: Receipt) -> None:
    from issuesum.errors import RegistryError
    from issuesum.registry.client import Registry
    from issuesum.registry.reference import Reference
    from issuesum.stages.params import load_params

    wanted = load_params().export.address
    image = Reference.parse(receipt.image)
    held = Registry(image.host).digest(image)
    if held != receipt.digest or not receipt.image.startswith(f"{wanted}/"):
        raise RegistryError(
            f"{wanted} must hold {receipt.image} as {receipt.digest}. Received: {held}. "
            "Try: dvc repro --force --single-item export."
        )
