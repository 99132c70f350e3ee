"""A profile as a file, and its numbers from raw counts."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from statistics import median_low

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuesum.errors import one_line
from issuesum.training.corpus.profile import BINS, DataProfile, Languages, Rows
from issuesum.training.features.profiling import (
    frequent_words,
    growth_curve,
    histogram,
    language_shares,
    length_statistics,
    share,
)
from profiles import bins, profile, profiles


def _counts(*lengths: int, cells: int = 1025) -> np.ndarray:
    return np.bincount([min(length, cells - 1) for length in lengths], minlength=cells)


@given(profiles)
def test_a_profile_survives_its_json(any_profile: DataProfile) -> None:
    text = any_profile.to_json()
    assert DataProfile.from_json(text) == any_profile
    assert DataProfile.from_json(text).to_json() == text


def test_equal_profiles_give_equal_bytes() -> None:
    counts = {"too few fields": 1, "empty body": 3}
    one, other = (
        profile(
            rows=Rows(9, 4, 0, 3, 1, 1, reasons),
            languages=Languages(9, dict(pairs)),
        )
        for reasons, pairs in (
            (counts, [("de", 0.1), ("en", 0.9)]),
            (Counter(dict(reversed(counts.items()))), [("en", 0.9), ("de", 0.1)]),
        )
    )
    assert one == other
    assert one.to_json() == other.to_json()
    assert DataProfile.from_json(one.to_json()) == one
    assert list(json.loads(one.to_json())["rows"]["reasons"]) == ["empty body", "too few fields"]


def test_the_file_has_a_scalar_or_a_list_a_line() -> None:
    lines = profile(body={"words": (("für", 3.5), ('"', 1.0))}).to_json().splitlines()
    assert '    "words": [["für", 3.5], ["\\"", 1.0]]' in lines
    assert f'    "histogram": {json.dumps(bins(n8=600, n64=500))},' in lines
    assert '    "words_median": 8,' in lines
    assert lines[-2:] == ['  "drift": null', "}"]


def test_what_dvc_shows_as_metrics_are_scalars_in_mappings() -> None:
    content = json.loads(profile().to_json())
    assert content["body"]["unknown"] == 0.1
    assert content["rows"]["reasons"]["empty body"] == 3
    assert content["languages"]["shares"]["de"] == 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("title"), "title: Field required"),
        (
            lambda content: content["rows"].update(more=1),
            "rows: more: Unexpected keyword argument",
        ),
        (lambda content: content["body"].update(kept="many"), "body: kept: "),
        (
            lambda content: content["body"]["histogram"].pop(),
            "body: histogram: Tuple should have at least 21 items",
        ),
        (lambda content: content.update(drift={}), "drift: commit: Field required"),
    ],
)
def test_what_is_no_profile_is_an_error_that_names_the_place(change, message) -> None:
    content = json.loads(profile().to_json())
    change(content)
    with pytest.raises(ValueError, match="DataProfile") as caught:
        DataProfile.from_json(json.dumps(content))
    assert message in one_line(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[1]", "null"])
def test_what_is_no_json_mapping_is_an_error(content: str) -> None:
    with pytest.raises(ValueError, match="DataProfile"):
        DataProfile.from_json(content)


def test_not_a_number_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        profile(copyable=float("nan")).to_json()


def test_length_statistics_of_known_texts() -> None:
    assert length_statistics(_counts(1, 2, 2, 3, 10), 18) == (3.6, 2, 10)
    assert length_statistics(_counts(*range(1, 101)), 5050) == (50.5, 50, 95)
    assert length_statistics(_counts(0), 0) == (0.0, 0, 0)
    assert length_statistics(_counts(3, 9_000), 9_003) == (4501.5, 3, 1024)
    assert length_statistics(np.zeros(5, np.int64), 0) == (0.0, 0, 0)


@given(st.lists(st.integers(0, 900), min_size=1))
def test_the_median_is_the_lower_one_and_few_texts_are_longer_than_the_95th(lengths) -> None:
    _, median, p95 = length_statistics(_counts(*lengths), sum(lengths))
    assert median == median_low(lengths)
    assert p95 in lengths
    assert 100 * sum(length > p95 for length in lengths) <= 5 * len(lengths)
    assert 100 * sum(length >= p95 for length in lengths) > 5 * len(lengths)


def test_a_histogram_counts_each_text_once() -> None:
    found = histogram(_counts(0, 4, 5, 6, 1023, 1024, 5000))
    assert found == bins(n0=1, n4=2, n6=1, n768=1, n1024=2)
    assert histogram(_counts(1024, 3000, cells=2000)) == bins(n1024=2)


@given(st.lists(st.integers(0, 5000)))
def test_a_bin_holds_the_texts_between_its_edges(lengths) -> None:
    found = histogram(_counts(*lengths))
    for edge, above, count in zip(BINS, [*BINS[1:], 10_000], found, strict=True):
        assert count == sum(edge <= length < above for length in lengths)


def test_a_growth_curve_is_thinned_evenly_and_ends_at_the_end() -> None:
    assert growth_curve([5, 9], [50, 70]) == ((5, 50), (9, 70))
    assert growth_curve([5], [50]) == ((5, 50),)
    many = growth_curve(np.arange(1, 1001), 2 * np.arange(1, 1001))
    assert len(many) == 50
    assert many[0] == (1, 2)
    assert many[-1] == (1000, 2000)
    steps = {after - before for (before, _), (after, _) in pairwise(many)}
    assert steps <= {20, 21}


def test_frequent_words_are_in_one_order_and_at_most_a_thousand() -> None:
    assert frequent_words({"b": 1, "c": 3, "a": 1}, 6) == (
        ("c", 5000.0),
        ("a", 1666.67),
        ("b", 1666.67),
    )
    assert frequent_words({}, 0) == ()
    assert len(frequent_words({str(number): 1 for number in range(1500)}, 1500)) == 1000


def test_rare_languages_are_added_up() -> None:
    assert language_shares({"de": 199, "en": 9791, "fr": 5, "es": 5}) == Languages(
        10_000, {"en": 0.9791, "de": 0.0199, "other": 0.001}
    )
    at_the_limit = language_shares({"de": 1, "en": 199})
    assert list(at_the_limit.shares.items()) == [("en", 0.995), ("de", 0.005)]
    assert language_shares({}) == Languages(0, {})


def test_a_share_of_nothing_is_nothing() -> None:
    assert (share(1, 3), share(0, 0)) == (0.3333, 0.0)
