"""Divide the raw issues into train, validation and test."""

from __future__ import annotations

from contextlib import ExitStack

from issuesum.console import reading_bar
from issuesum.files import replacing_directory, replacing_file
from issuesum.layout import RAW, SPLIT, SPLIT_SUMMARY
from issuesum.stages.params import Params, SplitParams
from issuesum.stages.runner import run
from issuesum.training.corpus.shards import SPLITS, SplitSummary
from issuesum.training.corpus.splitting import split_csv


def main(params: Params) -> dict[str, int]:
    """Read data/raw, write data/split."""
    summary = _split(params.split)
    print(
        f"split: {summary.rows:,} rows: {summary.train:,} train, {summary.validation:,} "
        f"validation, {summary.test:,} test; {summary.repeated:,} repeat an earlier issue and "
        "are left out"
    )
    if summary.rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in summary.rejected.items())
        print(f"split: {sum(summary.rejected.values()):,} rows cannot be used: {reasons}")
    return {"rows": summary.rows}


def _split(settings: SplitParams) -> SplitSummary:
    """Replace the splits and then their summary, which is entered first and so renamed last."""
    with ExitStack() as stack:
        described = stack.enter_context(replacing_file(SPLIT_SUMMARY))
        targets = {name: stack.enter_context(replacing_directory(SPLIT / name)) for name in SPLITS}
        with reading_bar("split") as watch:
            summary = split_csv(
                RAW, targets, validation=settings.validation, test=settings.test,
                shard_rows=settings.shard_rows, group=settings.group,
                max_rejected=settings.limits.rejected, max_repeated=settings.limits.repeated,
                watch=watch,
            )  # fmt: skip
        summary.save(described)
    return summary


if __name__ == "__main__":
    run("split", main)
