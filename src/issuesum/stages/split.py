"""Divide the raw issues into train, validation and test."""

from contextlib import ExitStack

from issuesum.console import bar
from issuesum.files import replacing_directory, replacing_file
from issuesum.layout import RAW, SPLIT, SPLIT_SUMMARY, SPLITS
from issuesum.stages.params import Params
from issuesum.training.corpus.splitting import split_csv


def main(params: Params) -> dict[str, int]:
    """Read data/raw, write data/split."""
    settings = params.split
    with ExitStack() as stack, bar("split") as shown:
        # The summary is entered first and so renamed last: after the splits that it describes.
        described = stack.enter_context(replacing_file(SPLIT_SUMMARY))
        targets = {name: stack.enter_context(replacing_directory(SPLIT / name)) for name in SPLITS}
        summary = split_csv(
            RAW, targets, shown=shown, validation=settings.validation, test=settings.test,
            shard_rows=settings.shard_rows, group=settings.group,
            max_rejected=settings.limits.rejected, max_repeated=settings.limits.repeated,
        )  # fmt: skip
        summary.save(described)
    print(
        f"split: {summary.rows:,} rows: {summary.train:,} train, {summary.validation:,} "
        f"validation, {summary.test:,} test; {summary.repeated:,} repeat an earlier issue and "
        "are left out"
    )
    if summary.rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in summary.rejected.items())
        print(f"split: {sum(summary.rejected.values()):,} rows cannot be used: {reasons}")
    return {"rows": summary.rows}
