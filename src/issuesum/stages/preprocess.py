"""Learn the vocabularies from the train side and turn train and validation into ids."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from tqdm import tqdm

from issuesum.corpus.shards import read_shards
from issuesum.files import replacing_directory
from issuesum.params import Params
from issuesum.stages.paths import FEATURES, SPLIT
from issuesum.stages.runner import run
from issuesum.text import features
from issuesum.text.ktext_adapter import build_vocabulary


def main(params: Params) -> None:
    """Read data/split/{train,validation}, write data/features."""
    body = build_vocabulary(
        _texts("body"),
        keep_n=params.preprocess.body.keep_n,
        padding_maxlen=params.preprocess.body.padding_maxlen,
        padding="pre",
        append_indicators=False,
    )
    title = build_vocabulary(
        _texts("issue_title"),
        keep_n=params.preprocess.title.keep_n,
        padding_maxlen=params.preprocess.title.padding_maxlen,
        padding="post",
        append_indicators=True,
    )
    with replacing_directory(FEATURES) as target:
        body.save(target / features.BODY_VOCABULARY)
        title.save(target / features.TITLE_VOCABULARY)
        for side in ("train", "validation"):  # evaluate reads raw text, through what is shipped
            (target / side).mkdir()
            for number, shard in enumerate(_shards(side)):
                encoded = features.encode_shard(shard["body"], shard["issue_title"], body, title)
                features.save_shard(target / side / f"part-{number:05d}.npz", encoded)
    print(f"preprocess: {body.size:,} ids for bodies, {title.size:,} for titles")


def _shards(side: str) -> Iterator[pd.DataFrame]:
    yield from tqdm(
        read_shards(SPLIT / side), desc=f"preprocess {side}", unit=" shards", disable=None
    )


def _texts(column: str) -> Iterator[str]:
    for shard in _shards("train"):
        yield from shard[column]


if __name__ == "__main__":
    run("preprocess", main)
