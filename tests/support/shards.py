"""Parquet shards and their entries, made without a stage."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from issuesum.training.features.ktext_adapter import Fields, FieldSettings
from issuesum.training.features.tokenise import code_digest, tokenise_shard


def small_fields(body_maxlen: int = 4, title_maxlen: int = 5) -> Fields:
    """Return settings of rows so short that they can be written down."""
    return {
        "body": FieldSettings(10, body_maxlen, "pre", append_indicators=False),
        "title": FieldSettings(10, title_maxlen, "post", append_indicators=True),
    }


def shard(rows: Iterable[tuple[int, str, str]]) -> bytes:
    """Return a Parquet shard of (row, title, body)."""
    file = io.BytesIO()
    pd.DataFrame(rows, columns=["row", "issue_title", "body"]).to_parquet(file, index=False)
    return file.getvalue()


def put_entry(folder: Path, content: bytes, fields: Fields) -> Path:
    """Tokenise a shard into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in tokenise_shard(folder.name, content, fields, code_digest()).items():
        (folder / name).write_bytes(data)
    return folder


class WordTable(defaultdict[str, int]):
    """Distinct words, numbered from 0 in the order in which they first occur."""

    def __init__(self) -> None:
        """Make an empty table."""
        super().__init__(self.__len__)

    def numbers(self, words: Iterable[str]) -> list[int]:
        """Return the number of each word; a new word gets the next one."""
        return [self[word] for word in words]
