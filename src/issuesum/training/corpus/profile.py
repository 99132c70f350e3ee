"""What the data is like, in numbers: kept in Git, so that the next data can be compared with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field, TypeAdapter

BINS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""The least number of words of each bin of lengths; the last bin has no upper end."""

_Histogram = Annotated[tuple[int, ...], Field(min_length=len(BINS), max_length=len(BINS))]
"""Texts in each of `BINS`."""


class _Strict:
    """A part of a profile, of which an unknown key is refused."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}


@dataclass(frozen=True)
class Rows(_Strict):
    """What became of the rows of the raw file."""

    read: int  # rows of the raw file
    rejected: int  # of these, rows that cannot be used
    repeated: int  # usable rows that repeat an earlier issue
    train: int  # issues of the training split, and so on
    validation: int
    test: int
    reasons: Mapping[str, int]  # rejected rows by reason


@dataclass(frozen=True)
class FieldProfile(_Strict):
    """One text field, body or title, of the training and the validation split."""

    words_mean: float  # length in words of whole texts
    words_median: int
    words_p95: int  # 95th percentile
    distinct: int  # distinct words of the training split
    kept: int  # words of these that the vocabulary holds
    unknown: float  # share of the validation split's words that are out-of-vocabulary, 0 to 1
    histogram: _Histogram
    growth: tuple[tuple[int, int], ...]  # issues of the first training shards, distinct words
    words: tuple[tuple[str, float], ...]  # most frequent in training, occurrences in 10,000 words


@dataclass(frozen=True)
class Languages(_Strict):
    """Languages of a sample of bodies."""

    sampled: int  # bodies that were looked at
    shares: Mapping[str, float]  # by ISO 639-1 code, 0 to 1, largest first


@dataclass(frozen=True)
class FieldDrift(_Strict):
    """How one text field differs from what it was."""

    length_distance: float  # Jensen-Shannon, of the histograms: 0 equal, 1 disjoint
    words_mean_before: float  # as in FieldProfile, of the earlier data
    words_mean_after: float  # of the present data
    unknown_before: float
    unknown_after: float
    histogram_before: _Histogram


@dataclass(frozen=True)
class Drift(_Strict):
    """How the data differs from the last other data that was committed."""

    commit: str  # the commit whose data was compared, 40 hex digits
    rows_before: int  # rows of its raw file
    rows_added: int  # rows that the present raw file has more; negative if it has fewer
    body: FieldDrift
    title: FieldDrift
    language_distance: float  # Jensen-Shannon, of their shares: 0 equal, 1 disjoint
    new_words: tuple[tuple[str, float], ...]  # newly frequent ones of bodies, as in FieldProfile


@dataclass(frozen=True)
class DataProfile(_Strict):
    """Statistics of one state of the data.

    Numbers to watch are leaves of mappings, which DVC shows as metrics; what is long is in lists,
    which it skips.
    """

    rows: Rows
    body: FieldProfile
    title: FieldProfile
    copyable: float  # share of title words that occur in the body of their issue, 0 to 1
    languages: Languages
    drift: Drift | None = None  # difference from earlier data, or None if Git holds no earlier data

    def to_json(self) -> str:
        """Return the profile as JSON; equal profiles give equal text."""
        return _render(self) + "\n"

    @classmethod
    def from_json(cls, text: str) -> DataProfile:
        """Return the profile that `to_json` wrote; ValueError, which is pydantic's, otherwise."""
        return TypeAdapter(cls).validate_json(text)


def _render(value: Any, margin: str = "") -> str:  # noqa: ANN401 -- any part of a profile
    """Indent mappings and write lists on one line: what a diff shows is mostly the scalars."""
    if is_dataclass(value):
        parts = vars(value)
    elif isinstance(value, Mapping):  # the largest first
        parts = dict(sorted(value.items(), key=lambda item: (-item[1], item[0])))
    else:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = [
        f"{margin}  {json.dumps(key, ensure_ascii=False)}: {_render(part, margin + '  ')}"
        for key, part in parts.items()
    ]
    return "{\n" + ",\n".join(inner) + f"\n{margin}}}" if inner else "{}"
