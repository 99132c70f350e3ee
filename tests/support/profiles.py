"""Data profiles to test with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from issuesum.training.corpus.profile import (
    BINS,
    DataProfile,
    Drift,
    FieldDrift,
    FieldProfile,
    Languages,
    Rows,
)


def bins(**counts: int) -> tuple[int, ...]:
    """Return a histogram from `n8=3`: three texts in the bin that begins at 8."""
    return tuple(counts.get(f"n{edge}", 0) for edge in BINS)


def profile(body: dict[str, Any] | None = None, **changes: Any) -> DataProfile:
    """Return a small profile with some values of the body, and some of the whole, changed."""
    return replace(_PROFILE, body=replace(_PROFILE.body, **(body or {})), **changes)


_PROFILE = DataProfile(
    rows=Rows(
        read=1234,
        rejected=4,
        repeated=30,
        train=1000,
        validation=100,
        test=100,
        reasons={"empty body": 3, "too few fields": 1},
    ),
    body=FieldProfile(
        words_mean=34.57,
        words_median=8,
        words_p95=64,
        distinct=900,
        kept=800,
        unknown=0.1,
        histogram=bins(n8=600, n64=500),
        growth=((500, 600), (1000, 900)),
        words=(("the", 300.5), ("crash", 12.25)),
    ),
    title=FieldProfile(
        words_mean=5.5,
        words_median=4,
        words_p95=8,
        distinct=400,
        kept=350,
        unknown=0.2,
        histogram=bins(n4=700, n8=400),
        growth=((500, 300), (1000, 400)),
        words=(("crash", 90.0),),
    ),
    copyable=0.5,
    languages=Languages(110, {"en": 0.9, "de": 0.1}),
)

counts = st.integers(0, 10**9)
shares = st.integers(0, 10_000).map(lambda n: n / 10_000)  # what `share` rounds to
numbers = st.floats(0, 10**6)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
histograms = st.lists(counts, min_size=len(BINS), max_size=len(BINS)).map(tuple)
frequencies = st.lists(st.tuples(words, numbers), max_size=5).map(tuple)

fields = st.builds(
    FieldProfile,
    words_mean=numbers,
    words_median=counts,
    words_p95=counts,
    distinct=counts,
    kept=counts,
    unknown=shares,
    histogram=histograms,
    growth=st.lists(st.tuples(counts, counts), max_size=5).map(tuple),
    words=frequencies,
)
field_drifts = st.builds(
    FieldDrift,
    length_distance=shares,
    words_mean_before=numbers,
    words_mean_after=numbers,
    unknown_before=shares,
    unknown_after=shares,
    histogram_before=histograms,
)
profiles = st.builds(
    DataProfile,
    rows=st.builds(
        Rows,
        *[counts] * 6,
        reasons=st.dictionaries(words, counts, max_size=3),
    ),
    body=fields,
    title=fields,
    copyable=shares,
    languages=st.builds(Languages, counts, st.dictionaries(words, shares, max_size=4)),
    drift=st.none()
    | st.builds(
        Drift,
        commit=st.just("a" * 40),
        rows_before=counts,
        rows_added=st.integers(-(10**9), 10**9),
        body=field_drifts,
        title=field_drifts,
        language_distance=shares,
        new_words=frequencies,
    ),
)
"""Any profile."""
