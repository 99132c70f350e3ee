"""Batches streamed from shards: the same rows in the same order for the same seed and epoch.

Shards are taken in random order, a pool of them at a time, and the rows of a pool are shuffled.
Rows of similar length go into one batch, which is cut to its longest body, so that short issues
cost less; the batches of a pool are shuffled again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from issuesum.errors import ParamsError
from issuesum.text.features import Features, Shards, concatenate
from issuesum.text.vocabulary import PADDING, UNKNOWN, Ids

_POOL_ROWS = 32_768  # rows in memory at a time: 25 MB at 70 body words
_SORTED_BATCHES = 24  # among which rows are sorted: more = less padding, less varied batches
_WIDTH_STEP = 16  # widths are multiples of this: with XLA each width is compiled once


class Batch(NamedTuple):
    """One replica's part of a global batch."""

    body: tf.Tensor  # int32 (rows, width), the last columns, since bodies are padded in front
    body_extended: tf.Tensor  # int32 (rows, width)
    title: tf.Tensor  # int32 (rows, title maxlen), extended ids
    row: tf.Tensor  # int32 (rows,), places in the global batch
    words: tf.Tensor  # float32, words of all titles of the global batch that are learnt


_IDS = [tf.TensorSpec(shape, tf.int32) for shape in [(None, None)] * 3 + [(None,)]]
SIGNATURE = Batch._make([*_IDS, tf.TensorSpec((), tf.float32)])


def learnt(target: tf.Tensor) -> tf.Tensor:
    """Return float32 weights: 1 for words that a model can write, 0 for padding and unknown."""
    return tf.cast(target > UNKNOWN, tf.float32)


@dataclass(frozen=True)
class Epochs:
    """The order in which the rows of the training split are learnt, which depends on the seed."""

    shards: Shards
    batch_size: int  # rows of a global batch
    seed: int

    @property
    def steps(self) -> int:
        """Batches per epoch; each row is in one of them."""
        return -(-len(self.shards) // self.batch_size)

    def dataset(
        self, epoch: int, skip: int, context: tf.distribute.InputContext
    ) -> tf.data.Dataset:
        """Return what one input pipeline feeds to its replicas, in their order.

        `epoch` counts from 0; `skip` batches of it were learnt before an interruption. ParamsError:
        the batch cannot be divided equally.
        """
        replicas = context.num_replicas_in_sync
        if self.batch_size % replicas:
            raise ParamsError(
                f"train.batch_size must be a multiple of the {replicas} replicas. "
                f"Received: {self.batch_size}. Try: {-(-self.batch_size // replicas) * replicas}."
            )
        share = self.batch_size // replicas
        own = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * own

        def parts() -> Iterator[Batch]:
            for rows in islice(self.rows(epoch), skip, None):
                *columns, words = _batch(rows, self.batch_size)
                for replica in range(first, first + own):
                    mine = slice(replica * share, (replica + 1) * share)
                    yield Batch._make([*(column[mine] for column in columns), words])

        dataset = tf.data.Dataset.from_generator(parts, output_signature=SIGNATURE)
        return dataset.prefetch(tf.data.AUTOTUNE)

    def rows(self, epoch: int) -> Iterator[Features]:
        """Yield the rows of each global batch; the last of an epoch may have fewer."""
        draw = np.random.default_rng([self.seed, epoch])
        order = draw.permutation(len(self.shards.paths)).tolist()
        waiting: list[int] = []
        left: Features | None = None
        for place, number in enumerate(order, start=1):
            waiting.append(number)
            is_last = place == len(order)
            if sum(self.shards.rows[of] for of in waiting) < _POOL_ROWS and not is_last:
                continue
            pool = self.shards.read(waiting)
            waiting.clear()
            pool = pool if left is None else concatenate([left, pool])
            pool = pool.take(draw.permutation(len(pool)).astype(np.int32))
            full = len(pool) if is_last else len(pool) // self.batch_size * self.batch_size
            yield from self._batches(pool.take(slice(full)), draw)
            left = pool.take(slice(full, None))

    def _batches(self, pool: Features, draw: np.random.Generator) -> Iterator[Features]:
        lengths = np.count_nonzero(pool.body != PADDING, axis=1)
        chunk = self.batch_size * _SORTED_BATCHES
        batches: list[Ids] = []
        for start in range(0, len(pool), chunk):
            by_length = start + np.argsort(lengths[start : start + chunk], kind="stable")
            cuts = range(self.batch_size, len(by_length), self.batch_size)
            batches += np.split(by_length.astype(np.int32), cuts)
        for place in draw.permutation(len(batches)):
            yield pool.take(batches[place])


def _batch(rows: Features, size: int) -> Batch:
    """Cut bodies to the longest, and fill up with empty rows that weigh nothing."""
    longest = int(np.count_nonzero(rows.body != PADDING, axis=1).max())
    width = min(rows.body.shape[1], max(1, -(-longest // _WIDTH_STEP)) * _WIDTH_STEP)
    ids = (rows.body[:, -width:], rows.body_extended[:, -width:], rows.title_extended)
    body, body_extended, title = (np.pad(of, ((0, size - len(rows)), (0, 0))) for of in ids)
    words = np.float32(max(1, np.count_nonzero(title[:, 1:] > UNKNOWN)))
    return Batch(body, body_extended, title, np.arange(size, dtype=np.int32), words)
