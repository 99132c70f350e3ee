"""How the data differs from the last other data in Git, and when that is too much."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from issuesum.errors import DataError
from issuesum.training.corpus.profile import DataProfile, Drift, FieldDrift, FieldProfile

NEW_WORDS = 20  # that are named at most
_SURGE = 2  # times as frequent as the rarest word of the earlier profile: no mere change of rank
_NAMED_ROWS, _NAMED_WORDS = 5, 5  # in a message
_LONGEST_NAME = 40  # characters of a word in a message


def with_drift(profile: DataProfile, versions: Iterable[tuple[str, str]]) -> DataProfile:
    """Return the profile with its drift from the newest other data, if there is any.

    Of `versions`, which are commits and their contents of the profile's file, newest first, what is
    no profile of this code is skipped, and what describes the same data. So whoever commits a
    profile and runs the stage again gets the same drift. What only params decide (sizes of shards
    and vocabularies) is no difference of data.
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
    if not any(now) or not any(earlier):
        return float(any(now) or any(earlier))
    p, q = (np.divide(of, np.sum(of)) for of in (now, earlier))
    divergence = _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2
    # Rounding can leave that of near-equal distributions below 0, which has no root.
    return round(float(np.sqrt(max(0, divergence))), 4)


def _entropy(shares: npt.NDArray[np.float64]) -> float:
    held = shares[shares > 0]
    return -float(held @ np.log2(held))


def _new_words(
    now: Sequence[tuple[str, float]], earlier: Sequence[tuple[str, float]]
) -> tuple[tuple[str, float], ...]:
    known = {word for word, _ in earlier}
    frequent = _SURGE * min((frequency for _, frequency in earlier), default=0)
    new = [(word, often) for word, often in now if word not in known and often >= frequent]
    return tuple(new[:NEW_WORDS])
