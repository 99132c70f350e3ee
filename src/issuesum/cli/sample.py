"""`issuesum sample`: take the synthetic sample as the raw data, for a first look."""

from pathlib import Path

import click

from issuesum.cli.shared import count_option, path_option, show, verb
from issuesum.errors import RepositoryError
from issuesum.layout import RAW


@verb("issuesum sample --rows 300   # small and quick")
@count_option("--rows", default=700, about="Number of issues, from the start of data/sample.")
@click.option("--seed", metavar="N", type=int, default=20_180_601, show_default=True,
              help="Another seed takes random issues of the sample instead of the first.",
              )  # fmt: skip
@path_option("-o", "--output", about="Where the raw data goes.", default=RAW)
@click.option("--force", is_flag=True, help="Replace the output even if it holds different data.")
def command(*, rows: int, seed: int, output: Path, force: bool) -> None:
    """Write synthetic issues as the raw data, tracked by DVC.

    The same --rows and --seed always give the same bytes. Their titles can be learnt from their
    bodies, so that the pipeline can be tried before real issues are available.
    """
    from issuesum.lineage import tracking
    from issuesum.lineage.dvc import md5_of
    from issuesum.training.corpus.reading import sample_issues, write_issues

    with tracking.updating(output, force=force) as update, update.replacing(output) as temporary:
        write_issues(temporary, sample_issues(rows, seed))
        if not force and update.recorded not in (None, md5_of(temporary.read_bytes())):
            raise RepositoryError(
                f"{output}.dvc must name the sample, or nothing yet. Received: other data, md5 "
                f"{update.recorded}. Try: dvc pull {output}, if that data is not here; or --force."
            )
    show(
        {"file": str(output), "rows": rows, "seed": seed, "md5": update.md5},
        f"{'file':<12} {output}, {rows:,} rows, seed {seed}",
        f"{'md5':<12} {update.md5}\n{'next':<12} dvc repro",
    )
