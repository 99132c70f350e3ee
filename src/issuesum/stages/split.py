"""Divide the raw issues into train, validation and test."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict

from issuesum.corpus.shards import SIDES
from issuesum.corpus.splitting import split_csv
from issuesum.files import replacing_directory, write_json
from issuesum.params import Params
from issuesum.stages.paths import RAW, SPLIT, SPLIT_SUMMARY
from issuesum.stages.runner import run


def main(params: Params) -> None:
    """Read data/raw, write data/split."""
    with ExitStack() as stack:
        targets = {side: stack.enter_context(replacing_directory(SPLIT / side)) for side in SIDES}
        summary = split_csv(
            RAW,
            targets,
            validation=params.split.validation,
            test=params.split.test,
            shard_rows=params.split.shard_rows,
        )
    write_json(SPLIT_SUMMARY, asdict(summary))
    print(
        f"split: {summary.rows:,} rows: {summary.train:,} train, {summary.validation:,} "
        f"validation, {summary.test:,} test; {summary.repeated:,} repeat an earlier issue and "
        "are left out"
    )


if __name__ == "__main__":
    run("split", main)
