"""`issuesum retrain`."""

from dataclasses import asdict
from pathlib import Path

import click

from issuesum.cli.shared import check_builder, show, verb

NOTHING_TO_DO = 11


@verb(
    "issuesum retrain # what is stale, push, commit",
    "issuesum retrain -S train.epochs=3 --no-push # try a param; push nothing",
    "issuesum retrain --json | jq -r .image # code 11: nothing to do",
)
@click.option(
    "--remote", metavar="NAME", default="origin", show_default=True, help="Git remote to push to."
)
@click.option("--branch", metavar="NAME", help="Branch to push to.  [default: that of HEAD]")
@click.option("--no-push", is_flag=True, help="Commit, but push neither Git nor DVC.")
@click.option(
    "-S", "--set", "settings", multiple=True, metavar="PARAM=VALUE",
    help="First set a param, as in train.epochs=3, and commit that.",
)  # fmt: skip
@click.option("--message", metavar="TEXT", help="Subject of the commit.  [default: the scores]")
@click.pass_context
def command(
    context: click.Context, *, remote: str, branch: str | None, no_push: bool,
    settings: tuple[str, ...], message: str | None,
) -> None:  # fmt: skip
    """Train and ship a new model if data, params or code changed, and commit the results.

    Runs the stale stages, pushes image and data, commits dvc.lock, scores and receipt, and pushes
    the commit; if others pushed meanwhile, it is rebased onto theirs. To resume an interrupted
    run, run it again.

    Exit code: 0 done, 11 nothing to do, 5 the gate refused the model.
    """
    from issuesum.automation.retraining.job import Hooks, retrain
    from issuesum.stages.params import load_params

    load_params()  # or the error says that this is not the root of a project
    hooks = Hooks(
        lambda path: load_params(path, root=Path()), lambda: load_params().export.address,
        _write_report, _write_card, check_builder,
    )  # fmt: skip
    outcome = retrain(
        hooks, Path(), remote=remote, name=branch, push=not no_push, settings=settings,
        message=message,
    )  # fmt: skip
    if outcome is None:
        words = "nothing to do: nothing is stale, and the registry holds the image"
        show({"done": False}, words)
        context.exit(NOTHING_TO_DO)
    branch = outcome.branch.name if outcome.branch else None
    document = {
        "done": True, "stale": list(outcome.stages), **asdict(outcome.receipt),
        "commit": outcome.commit, "branch": branch,
        "scores": asdict(outcome.scores) if outcome.scores else None,
    }  # fmt: skip
    pushed = f", pushed to {branch}" if branch else ""
    image = f"image    {outcome.receipt.image}\ndigest   {outcome.receipt.digest}"
    commit = f"commit   {outcome.commit}{pushed}\nscores   {outcome.scores or 'none'}"
    show(document, image, commit)


def _write_report(base: str) -> None:  # imported late: it takes as long as finding nothing to do
    from issuesum.lineage.reporting.model_report import write_report

    write_report(Path(), base=base)


def _write_card() -> None:
    from issuesum.lineage.reporting.card import write_card
    from issuesum.stages.params import load_params

    write_card(Path(), load_params().model_dump())
