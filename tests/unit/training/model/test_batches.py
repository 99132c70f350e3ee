"""Which rows are learnt, in which order, by which worker."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

import tiny_models
from issuesum.errors import ParamsError
from issuesum.text.features import Features, Shards

pytestmark = pytest.mark.slow  # TensorFlow takes ten seconds to load


def _epochs(shards: Shards, **changes):
    from issuesum.training.model.batches import Epochs

    return replace(Epochs(shards, 16, 5), **changes)


def _context(pipeline: int, pipelines: int, replicas: int):
    import tensorflow as tf

    return tf.distribute.InputContext(pipelines, pipeline, replicas)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    """Return three shards whose 100 titles begin with their row's number."""
    parts = []
    for start, count in ((0, 30), (30, 30), (60, 40)):
        part = tiny_models.rows(count, seed=start)
        part.title_extended[:, 1] = np.arange(start, start + count) + 1000
        parts.append(part)
    return tiny_models.shards(tmp_path_factory.mktemp("numbered") / "train", *parts)


def _numbers(batches: list[Features]) -> list[list[int]]:
    return [(batch.title_extended[:, 1] - 1000).tolist() for batch in batches]


@pytest.mark.parametrize("pool", [1, 45, 1000])
def test_each_row_is_learnt_once_an_epoch(
    pool: int, numbered: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("issuesum.training.model.batches._POOL_ROWS", pool)
    epochs = _epochs(numbered)
    numbers = _numbers(list(epochs.rows(0)))
    assert len(numbers) == epochs.steps == 7
    assert sorted(chain.from_iterable(numbers)) == list(range(100))


def test_the_order_depends_on_seed_and_epoch_alone(numbered: Shards) -> None:
    epochs = _epochs(numbered)
    first = _numbers(list(epochs.rows(0)))
    assert first == _numbers(list(epochs.rows(0)))
    assert first != _numbers(list(epochs.rows(1)))
    assert first != _numbers(list(replace(epochs, seed=6).rows(0)))


def test_rows_of_similar_length_share_a_batch_which_is_cut_to_its_longest(tmp_path: Path) -> None:
    part = tiny_models.rows(4)
    wide = {
        name: np.pad(ids, ((0, 0), (40, 0))) if name.startswith("body") else ids
        for name, ids in vars(part).items()
    }
    long = {name: ids.copy() for name, ids in wide.items()}
    for name in ("body", "body_extended"):
        long[name][:, :] = 5
    shards = tiny_models.shards(tmp_path / "train", Features(**wide), Features(**long))
    widths = sorted(
        batch.body.shape[1]
        for batch in _epochs(shards, batch_size=4).dataset(0, 0, _context(0, 1, 1))
    )
    assert widths == [16, 49]


def test_what_was_learnt_before_an_interruption_is_skipped(numbered: Shards) -> None:
    epochs = _epochs(numbered)
    whole = [batch.title.numpy() for batch in epochs.dataset(1, 0, _context(0, 1, 1))]
    rest = [batch.title.numpy() for batch in epochs.dataset(1, 3, _context(0, 1, 1))]
    assert len(rest) == 4
    for one, other in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(one, other)


def test_replicas_share_out_the_global_batch(numbered: Shards) -> None:
    epochs = _epochs(numbered)
    alone = list(epochs.dataset(0, 0, _context(0, 1, 1)))
    for pipelines in (1, 2):
        parts = [list(epochs.dataset(0, 0, _context(n, pipelines, 4))) for n in range(pipelines)]
        for step, whole in enumerate(alone):
            of_step = [
                batch
                for pipeline in parts
                for batch in pipeline[step * 4 // pipelines : (step + 1) * 4 // pipelines]
            ]
            for name in ("body", "title", "row"):
                together = np.concatenate([getattr(batch, name) for batch in of_step])
                np.testing.assert_array_equal(together, getattr(whole, name))
            assert {float(batch.words) for batch in of_step} == {float(whole.words)}


def test_the_last_batch_is_filled_up_with_rows_that_weigh_nothing(numbered: Shards) -> None:
    batches = list(_epochs(numbered).dataset(0, 0, _context(0, 1, 1)))
    titles = np.concatenate([batch.title.numpy() for batch in batches])
    assert titles.shape == (112, 6)
    assert (titles == 0).all(axis=1).sum() == 12


def test_a_batch_that_cannot_be_shared_out_equally_is_refused(numbered: Shards) -> None:
    with pytest.raises(ParamsError, match=r"multiple of the 3 replicas\. Received: 16\. Try: 18"):
        _epochs(numbered).dataset(0, 0, _context(0, 1, 3))
