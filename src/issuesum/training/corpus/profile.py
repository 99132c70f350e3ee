"""What the data is like, in numbers, and how it differs from the last other data in Git."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, TypeAdapter

from issuesum.errors import DataError, reading_artifact
from issuesum.files import replacing_file

BINS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""The least number of words of each bin of lengths; the last bin has no upper end."""
NEW_WORDS = 20  # that are named at most
_SURGE = 2  # times as frequent as the rarest word of the earlier profile: no mere change of rank
_NAMED_ROWS, _NAMED_WORDS = 5, 5  # in a message
_LONGEST_NAME = 40  # characters of a word in a message

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

    def save(self, path: Path) -> None:
        """Write the profile as JSON, atomically; equal profiles give equal bytes."""
        with replacing_file(path) as temporary:
            temporary.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> DataProfile:
        """Read a profile that `save` wrote; raise an ArtifactError if that is impossible."""
        advice = "dvc repro -f preprocess, or git checkout of that file"
        with reading_artifact(f"{path} must be a data profile", advice):
            return cls.from_json(path.read_text(encoding="utf-8"))


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


def with_drift(profile: DataProfile, versions: Iterable[tuple[str, str]]) -> DataProfile:
    """Return the profile with its drift from the newest other data, if there is any.

    `versions` are commits and their contents of the profile's file, newest first. One that
    describes the same data is skipped: so whoever commits a profile and runs the stage again gets
    the same drift, and not that of the data from itself. What only params decide (sizes of shards
    and vocabularies) is no difference of data. One of another version of this code is skipped too.
    """
    for commit, content in versions:
        earlier = _parsed(content)
        if earlier and _data_of(earlier) != _data_of(profile):
            return replace(profile, drift=compare(profile, earlier, commit=commit))
    return replace(profile, drift=None)


def is_committed(profile: DataProfile, versions: Iterable[tuple[str, str]]) -> bool:
    """Return whether the newest of `versions` describes the same data, which then was accepted."""
    _, content = next(iter(versions), ("", ""))
    newest = _parsed(content)
    return newest is not None and _data_of(newest) == _data_of(profile)


def _parsed(content: str) -> DataProfile | None:
    try:
        return DataProfile.from_json(content)
    except ValueError:
        return None


def compare(now: DataProfile, earlier: DataProfile, *, commit: str) -> Drift:
    """Measure how `now` differs from `earlier`, of `commit`; distances have four decimals."""
    shares = (now.languages.shares, earlier.languages.shares)
    codes = sorted({*shares[0], *shares[1]})
    return Drift(
        commit=commit,
        rows_before=earlier.rows.read,
        rows_added=now.rows.read - earlier.rows.read,
        body=_compare_field(now.body, earlier.body),
        title=_compare_field(now.title, earlier.title),
        language_distance=_distance(*([each.get(code, 0) for code in codes] for each in shares)),
        new_words=_new_words(now.body.words, earlier.body.words),
    )


def check_limits(
    profile: DataProfile, *, unknown: float, drift: float, worst_rows: Sequence[tuple[int, float]]
) -> None:
    """Raise DataError for data that is unlike what a model can be trained on.

    `unknown` is the largest allowed share of out-of-vocabulary body words in validation, `drift`
    the largest distance of body lengths from the earlier data, both 0 to 1; `worst_rows` are rows
    of the raw file and the share of out-of-vocabulary words in their bodies.
    """
    if profile.body.unknown > unknown:
        worst = sorted(worst_rows, key=lambda row: (-row[1], row[0]))[:_NAMED_ROWS]
        rows = ", ".join(f"{row} ({part:.0%})" for row, part in worst)
        raise DataError(
            "The share of the validation split's body words that the vocabulary does not hold must "
            f"be at most {unknown} (preprocess.limits.unknown). Received: {profile.body.unknown}; "
            f"the raw file's rows with most are {rows}. Try: look at these rows, raise "
            "preprocess.body.keep_n, or raise the limit in params.yaml."
        )
    found = profile.drift
    if found and found.body.length_distance > drift:
        body = found.body
        names = ", ".join(word[:_LONGEST_NAME] for word, _ in found.new_words[:_NAMED_WORDS])
        words = f"; new frequent words: {names}" if names else ""
        raise DataError(
            f"The distance of body lengths from those of commit {found.commit[:12]} must be at "
            f"most {drift} (preprocess.limits.drift). Received: {body.length_distance}; bodies had "
            f"{body.words_mean_before} words on average and have {body.words_mean_after}{words}; "
            f"{found.rows_added:+} rows. Try: look at the new rows, or raise the limit in "
            "params.yaml."
        )


def _data_of(profile: DataProfile) -> object:
    """Return what differs if the data does and not if only params of preprocess do."""
    fields = (profile.body, profile.title)
    texts = [(field.words_mean, field.histogram, field.distinct) for field in fields]
    return profile.rows, profile.copyable, texts


def _compare_field(now: FieldProfile, earlier: FieldProfile) -> FieldDrift:
    distance = _distance(now.histogram, earlier.histogram)
    means, unknown = (earlier.words_mean, now.words_mean), (earlier.unknown, now.unknown)
    return FieldDrift(distance, *means, *unknown, earlier.histogram)


def _distance(now: Sequence[float], earlier: Sequence[float]) -> float:
    """Return the Jensen-Shannon distance of two distributions, which need not add up to 1.

    The square root, and so a metric, of the divergence of Lin 1991, "Divergence Measures Based on
    the Shannon Entropy"; to base 2 it is 0 for equal distributions and 1 for disjoint ones.
    """
    import numpy as np
    from scipy.spatial.distance import jensenshannon

    if not any(now) or not any(earlier):
        return float(any(now) or any(earlier))
    # Rounding can leave the divergence of near-equal distributions below 0, which has no root.
    with np.errstate(invalid="ignore"):
        return round(float(np.nan_to_num(jensenshannon(now, earlier, base=2))), 4)


def _new_words(
    now: Sequence[tuple[str, float]], earlier: Sequence[tuple[str, float]]
) -> tuple[tuple[str, float], ...]:
    known = {word for word, _ in earlier}
    frequent = _SURGE * min((frequency for _, frequency in earlier), default=0)
    new = [(word, often) for word, often in now if word not in known and often >= frequent]
    return tuple(new[:NEW_WORDS])
