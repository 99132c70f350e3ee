"""`issuesum summary`."""

from dataclasses import asdict
from pathlib import Path

import click

from issuesum.cli.shared import print_json, verb, wants_json
from issuesum.console import say
from issuesum.errors import ArtifactError, RegistryError
from issuesum.layout import BUNDLE, DATA_REPORT, METRICS, RUNS, read_stages


@verb("issuesum summary", "issuesum summary --json | jq .scores.model.rouge_l")
@click.option("--verify", is_flag=True, help="Fail unless the registry holds the image.")
@click.option("--no-image", is_flag=True, help="Show scores even if nothing was exported.")
def command(*, verify: bool, no_image: bool) -> None:
    from issuesum.lineage.dvc import Lock
    from issuesum.lineage.metrics import Metrics
    from issuesum.lineage.receipt import Receipt
    from issuesum.lineage.runs.record import last_runs
    from issuesum.registry.client import Registry
    from issuesum.registry.reference import Reference
    from issuesum.stages.params import load_params
    from issuesum.training.evaluation.baselines import method_titles
    from issuesum.training.evaluation.metrics import PRIMARY, metric_titles

    receipt = None if no_image else Receipt.load()
    if verify and receipt:
        wanted, image = load_params().export.address, Reference.parse(receipt.image)
        held = Registry(image.host).digest(image)
        if held != receipt.digest or not receipt.image.startswith(f"{wanted}/"):
            raise RegistryError(
                f"{wanted} must hold {receipt.image} as {receipt.digest}. Received: {held}. "
                "Try: dvc repro --force --single-item export."
            )
    methods, text = method_titles(), METRICS.read_text("utf-8") if METRICS.is_file() else None
    metrics = Metrics.parse(text)
    complete = all(PRIMARY in metrics.scores.get(of, ()) for of in methods)
    if not complete or metrics.test_rows is None:
        raise ArtifactError(
            f"{METRICS} must hold scores. Received: {'not all' if text else 'none'}. "
            "Try: dvc repro."
        )
    runs = last_runs(RUNS)
    last = {stage: runs[stage] for stage in read_stages(Path()) or runs if stage in runs}
    report = str(DATA_REPORT / "report.html")
    if wants_json():
        scores = {of: metrics.scores[of] for of in methods}
        times = {of: {"started": run.started, "seconds": run.seconds} for of, run in last.items()}
        found = {"data": report, "test_rows": metrics.test_rows, "scores": scores, "runs": times}
        print_json({**(asdict(receipt) if receipt else {}), **found})
        return
    if receipt and not receipt.is_of(Lock.read(Path()).md5(BUNDLE)):
        other = "holds another model than these scores are of. Try: dvc repro."
        say("note", f"{receipt.image} {other}")
    shipped = f"image    {receipt.image}\ndigest   {receipt.digest}\n" if receipt else ""
    click.echo(f"\n{shipped}data     {report}\n")
    head = f"on {metrics.test_rows:,} test issues"
    click.echo("\n".join(metrics.lines(methods, metric_titles(), head)))
    click.echo("\nlast run of each stage")
    for stage, run in last.items():
        click.echo(f"  {stage:12s}{run.seconds or 0:7.1f} s   started {run.started}")
    export = load_params().export
    hint = "  set -a; . ./.services.env; set +a   the registry is not the one in params.yaml\n"
    click.echo(
        f"\nnext\n{'' if export.address == export.registry else hint}"
        "  make serve                  run it and ask it for a title\n"
        "  . .venv/bin/activate        put dvc and issuesum on PATH, then:\n"
        "  issuesum ingest FILE        put your own issues in place of these\n"
        "  git commit -a               first, so that the image names the commit of its data\n"
        "  issuesum retrain --no-push  rerun what is stale, push the image, commit the results\n"
    )
