"""Shards of ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from issuesum.errors import ArtifactError
from issuesum.text.features import Features, Shards, save_shard


def _rows(start: int) -> Features:
    ids = np.arange(start, start + 6, dtype=np.int32)
    ids = ids.reshape(2, 3)
    return Features(body=ids, title=ids + 100, body_extended=ids + 200, title_extended=ids + 300)


def test_shards_are_read_in_order(tmp_path: Path) -> None:
    save_shard(tmp_path / "part-00001.npz", _rows(6))
    save_shard(tmp_path / "part-00000.npz", _rows(0))
    shards = Shards(tmp_path)
    assert len(shards) == 4
    side = shards.read([0, 1])
    assert side.body.ravel().tolist() == list(range(12))
    assert side.title_extended.ravel().tolist() == list(range(300, 312))
    assert shards.read([1]).body.ravel().tolist() == list(range(6, 12))
    assert [len(shards.head(rows)) for rows in (1, 2, 3, 4, 9)] == [1, 2, 3, 4, 4]


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    save_shard(tmp_path / "a.npz", _rows(0))
    save_shard(tmp_path / "b.npz", _rows(0))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_missing_and_broken_shards_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"must hold shards part-\*\.npz"):
        Shards(tmp_path)
    (tmp_path / "part-00000.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(ArtifactError, match="must be a shard of ids"):
        Shards(tmp_path)
