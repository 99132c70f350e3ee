"""What the data is like, in numbers: kept in Git, so that the next data can be compared with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar

from issuesum.errors import ArtifactError
from issuesum.files import replacing_file

BINS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""The least number of words of each bin of lengths; the last bin has no upper end."""


@dataclass(frozen=True)
class _Strict:
    """A part of a profile: a key that is missing, unknown or of another type is refused."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}


@dataclass(frozen=True)
class Rows(_Strict):
    """What became of the rows of the raw file.

    Attributes:
        read: rows of the raw file.
        rejected: of these, rows that cannot be used.
        repeated: usable rows that repeat an earlier issue.
        train: issues of the train side.
        validation: issues of the validation side.
        test: issues of the test side.
        reasons: rejected rows by reason.
    """

    read: int
    rejected: int
    repeated: int
    train: int
    validation: int
    test: int
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class FieldProfile(_Strict):
    """One text field, body or title, of the train and the validation side.

    Attributes:
        words_mean: mean length in words of whole texts.
        words_median: median length in words.
        words_p95: 95th percentile of the length in words.
        distinct: distinct words of the train side.
        kept: words of these that the vocabulary holds.
        unknown: share of the validation side's words that the vocabulary does not hold (the
            out-of-vocabulary rate), 0 to 1.
        histogram: texts in each of `BINS`.
        growth: issues of the train side and the distinct words in them, after some of its shards.
        words: the most frequent words of the train side, with occurrences in 10,000 words.
    """

    words_mean: float
    words_median: int
    words_p95: int
    distinct: int
    kept: int
    unknown: float
    histogram: tuple[int, ...]
    growth: tuple[tuple[int, int], ...]
    words: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        """Refuse a histogram over other bins."""
        if len(self.histogram) != len(BINS):
            msg = f"a histogram must have {len(BINS)} bins, received {len(self.histogram)}"
            raise ValueError(msg)


@dataclass(frozen=True)
class Languages(_Strict):
    """Languages of a sample of bodies.

    Attributes:
        sampled: bodies that were looked at.
        shares: by ISO 639-1 code, 0 to 1, largest first.
    """

    sampled: int
    shares: Mapping[str, float]


@dataclass(frozen=True)
class FieldDrift(_Strict):
    """How one text field differs from what it was.

    Attributes:
        length_distance: Jensen-Shannon distance of the histograms of lengths: 0 equal, 1 disjoint.
        words_mean_before: mean length in words of the earlier texts.
        words_mean_after: that of the present texts.
        unknown_before: share of the earlier validation side's words unknown to its vocabulary.
        unknown_after: the present share.
        histogram_before: earlier texts in each of `BINS`.
    """

    length_distance: float
    words_mean_before: float
    words_mean_after: float
    unknown_before: float
    unknown_after: float
    histogram_before: tuple[int, ...]


@dataclass(frozen=True)
class Drift(_Strict):
    """How the data differs from the last other data that was committed.

    Attributes:
        commit: the commit whose data was compared, 40 hex digits.
        rows_before: rows of its raw file.
        rows_added: rows that the present raw file has more; negative if it has fewer.
        body: of the bodies.
        title: of the titles.
        language_distance: Jensen-Shannon distance of the shares of languages: 0 equal, 1 disjoint.
        new_words: words of bodies that have become frequent, with occurrences in 10,000 words.
    """

    commit: str
    rows_before: int
    rows_added: int
    body: FieldDrift
    title: FieldDrift
    language_distance: float
    new_words: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class DataProfile(_Strict):
    """Statistics of one state of the data.

    Numbers to watch are leaves of mappings, which DVC shows as metrics; what is long is in lists,
    which it passes over.

    Attributes:
        rows: what became of the rows.
        body: of the bodies.
        title: of the titles.
        copyable: share of title words that occur in the body of their issue, 0 to 1.
        languages: of the bodies.
        drift: difference from earlier data, or None if Git holds no earlier data.
    """

    rows: Rows
    body: FieldProfile
    title: FieldProfile
    copyable: float
    languages: Languages
    drift: Drift | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as mappings, tuples and scalars; mappings have their largest first."""
        return dict(_plain(self))

    @classmethod
    def from_dict(cls, content: Any) -> DataProfile:  # noqa: ANN401 -- it is being checked
        """Return the profile that `to_dict` gave, or that JSON made of it.

        Raises:
            ValueError: this is no profile; the message is one line.
        """
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(cls).validate_python(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "its top level"
            msg = f"{first['msg']} at {where}"
            raise ValueError(msg) from error

    def to_json(self) -> str:
        """Return the profile as JSON; equal profiles give equal text."""
        return _render(self.to_dict()) + "\n"

    @classmethod
    def from_json(cls, text: str) -> DataProfile:
        """Return the profile that `to_json` wrote.

        Raises:
            ValueError: this is no profile; the message is one line.
        """
        return cls.from_dict(json.loads(text))

    def save(self, path: Path) -> None:
        """Write the profile as JSON, atomically; equal profiles give equal bytes."""
        with replacing_file(path) as temporary:
            temporary.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> DataProfile:
        """Read a profile that `save` wrote.

        Raises:
            ArtifactError: the file is missing or is no profile.
        """
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"{path} must be a data profile. Received: {error}. "
                "Try: dvc repro -f preprocess, or git checkout of that file."
            ) from error


def _plain(value: Any) -> Any:  # noqa: ANN401 -- any part of a profile
    """Turn dataclasses into mappings, and put every other mapping into one order."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(sorted(value.items(), key=lambda item: (-item[1], item[0])))
    return value


def _render(value: Any, margin: str = "") -> str:  # noqa: ANN401 -- what `_plain` returned
    """Indent mappings and write lists on one line: what a diff shows is mostly the scalars."""
    if not (isinstance(value, dict) and value):
        return _compact(value)
    inner = [f"{_compact(key)}: {_render(part, margin + '  ')}" for key, part in value.items()]
    lines = f",\n{margin}  ".join(inner)
    return f"{{\n{margin}  {lines}\n{margin}}}"


def _compact(value: Any) -> str:  # noqa: ANN401 -- whatever json accepts
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
