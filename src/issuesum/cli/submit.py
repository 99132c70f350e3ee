"""`issuesum submit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from issuesum.cli.shared import count_option, default_repository, show, verb

if TYPE_CHECKING:
    from issuesum.automation.submit.manifests import Kind


@verb(
    "issuesum submit # with the operator that the cluster has, or as a Job",
    "issuesum submit --kind job --workers 2",
    "issuesum submit -S train.dropout=0.2,0.3 -S train.seed=1,2 --jobs 2",
)
@click.option(
    "--kind", type=click.Choice(["trainjob", "tfjob", "job"]),
    help="What runs the pods.  [default: the first of these that the cluster has]",
)  # fmt: skip
@click.option(
    "--workers", metavar="N", type=click.IntRange(1),
    help="Pods that train together.  [default: as the kustomization says]",
)  # fmt: skip
@click.option(
    "--overlay", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Kustomization to use instead of deploy/training/KIND.",
)  # fmt: skip
@click.option("--image", metavar="IMAGE", help="Pipeline image of this commit.  [default: built]")
@click.option("--context", metavar="NAME", help="Kubeconfig context.  [default: the current one]")
@click.option("--namespace", metavar="NAME", help="Namespace.  [default: the kustomization's]")
@click.option(
    "-S", "--set-param", "settings", multiple=True, metavar="PARAM=VALUE,…",
    help="Params as in `dvc exp run`: one job and one experiment per variant.",
)  # fmt: skip
@count_option("--jobs", "at_once", default=1, about="Jobs at a time.")
@click.option("--no-wait", is_flag=True, help="Start and return; run the command again to follow.")
def command(
    *, kind: Kind | None, workers: int | None, overlay: Path | None, image: str | None,
    context: str | None, namespace: str | None, settings: tuple[str, ...], at_once: int,
    no_wait: bool,
) -> None:  # fmt: skip
    """Train this commit in a Kubernetes cluster, and bring the model back.

    Builds and pushes the pipeline image, pushes the features, applies deploy/training, follows the
    log, and fetches the result with `dvc repro --pull`. Ctrl+C leaves the job running: the same
    command follows it again, or fetches its result. If a stage fails, its error and its exit
    code are those of this command.
    """
    from issuesum.automation.submit.cluster import Kubectl
    from issuesum.automation.submit.submitting import submit
    from issuesum.stages.params import load_params

    jobs = submit(
        Kubectl(context, namespace), Path(), lambda path: load_params(path, root=Path()),
        kind=kind, workers=workers, overlay=overlay, image=image,
        repository=lambda: f"{default_repository()}-pipeline", settings=settings, at_once=at_once,
        wait=not no_wait,
    )  # fmt: skip
    show(
        [{"name": job.name, "kind": job.kind, "namespace": job.kubectl.namespace,
          "params": variant.overrides} for job, variant in jobs],
        *(" ".join((f"{job.kind:8} {job.kubectl.namespace}/{job.name}", *variant.overrides))
          for job, variant in jobs),
    )  # fmt: skip
