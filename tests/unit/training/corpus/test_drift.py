"""What differs from earlier data, and when it is too much."""

from __future__ import annotations

from dataclasses import replace
from math import log2, sqrt

import pytest
from hypothesis import given

from issuesum.errors import DataError
from issuesum.training.corpus.drift import check_limits, compare, is_committed, with_drift
from issuesum.training.corpus.profile import DataProfile, Languages
from profiles import bins, profile, profiles

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _compare(now: DataProfile, earlier: DataProfile):
    return compare(now, earlier, commit=COMMIT)


def _rows(read: int):
    return replace(profile().rows, read=read)


@given(profiles)
def test_nothing_differs_from_itself(any_profile: DataProfile) -> None:
    drift = _compare(any_profile, any_profile)
    distances = (drift.body.length_distance, drift.title.length_distance, drift.language_distance)
    assert distances == (0, 0, 0)
    assert (drift.rows_added, drift.new_words) == (0, ())


@given(profiles, profiles)
def test_a_distance_is_symmetric_and_within_0_and_1(one: DataProfile, other: DataProfile) -> None:
    there, back = _compare(one, other), _compare(other, one)
    assert there.body.length_distance == back.body.length_distance
    assert there.language_distance == back.language_distance
    assert 0 <= there.body.length_distance <= 1
    assert 0 <= there.language_distance <= 1


def test_what_shares_nothing_has_distance_1() -> None:
    drift = _compare(
        profile({"histogram": bins(n1=7)}, languages=Languages(1, {"en": 1.0})),
        profile({"histogram": bins(n2=3, n768=2)}, languages=Languages(1, {"de": 1.0})),
    )
    assert (drift.body.length_distance, drift.language_distance) == (1, 1)
    assert drift.title.length_distance == 0
    nothing = profile(languages=Languages(0, {}))
    assert _compare(profile(), nothing).language_distance == 1


def test_the_distance_of_known_histograms() -> None:
    drift = _compare(profile({"histogram": bins(n1=10)}), profile({"histogram": bins(n1=5, n2=5)}))
    # Lin 1991: the mean of the relative entropies of (1, 0) and (1/2, 1/2) to (3/4, 1/4).
    divergence = log2(4 / 3) / 2 + (log2(2 / 3) / 2 + log2(2) / 2) / 2
    assert drift.body.length_distance == round(sqrt(divergence), 4) == 0.5579


def test_the_distance_of_near_equal_histograms_is_a_number() -> None:
    one = bins(n1=96753636, n2=55338379, n3=826502)  # rounding makes their divergence negative
    other = bins(n1=96753637, n2=55338379, n3=826502)
    drift = _compare(profile({"histogram": one}), profile({"histogram": other}))
    assert drift.body.length_distance == 0


def test_before_and_after_are_shown() -> None:
    now = profile({"words_mean": 40.0, "unknown": 0.3}, rows=_rows(2000))
    drift = _compare(now, profile())
    assert (drift.commit, drift.rows_before, drift.rows_added) == (COMMIT, 1234, 766)
    assert (drift.body.words_mean_before, drift.body.words_mean_after) == (34.57, 40.0)
    assert (drift.body.unknown_before, drift.body.unknown_after) == (0.1, 0.3)
    assert drift.body.histogram_before == profile().body.histogram


def test_new_words_are_those_that_became_frequent() -> None:
    earlier = profile({"words": (("the", 300.0), ("crash", 10.0))})
    now = profile({"words": (("the", 200.0), ("kafka", 50.0), ("docker", 20.0), ("ab", 19.0))})
    assert _compare(now, earlier).new_words == (("kafka", 50.0), ("docker", 20.0))
    many = profile({"words": tuple((f"w{n}", 99.0 - n) for n in range(30))})
    assert _compare(many, earlier).new_words == many.body.words[:20]
    assert _compare(now, profile({"words": ()})).new_words == now.body.words


def test_the_newest_other_data_is_the_reference() -> None:
    now, old, older = (profile(rows=_rows(read)) for read in (3, 2, 1))
    versions = [
        ("broken", "{"),
        ("same", with_drift(now, [("x", older.to_json())]).to_json()),
        ("old", old.to_json()),
        ("older", older.to_json()),
    ]
    found = with_drift(now, versions)
    assert found.drift == compare(now, old, commit="old")
    assert replace(found, drift=None) == now


def test_committing_the_result_does_not_change_it() -> None:
    first, second = profile(rows=_rows(1)), profile(rows=_rows(2))
    history = [("a", with_drift(first, []).to_json())]
    result = with_drift(second, history).to_json()
    assert '"commit": "a"' in result
    assert with_drift(second, [("b", result), *history]).to_json() == result


def test_other_params_are_no_other_data() -> None:
    small = profile({"kept": 10, "unknown": 0.9, "growth": ((1, 2),)}, languages=Languages(9, {}))
    assert with_drift(profile(), [("a", small.to_json())]).drift is None
    longer = profile({"histogram": bins(n1024=1100)})
    assert with_drift(profile(), [("a", longer.to_json())]).drift is not None


def test_without_history_an_old_drift_is_not_kept() -> None:
    stale = with_drift(profile(), [("a", profile(copyable=0.1).to_json())])
    assert stale.drift is not None
    assert with_drift(stale, []).drift is None


def test_data_within_the_limits_passes() -> None:
    drifted = with_drift(
        profile({"histogram": bins(n1=1), "unknown": 0.6}),
        [("a", profile({"histogram": bins(n2=1)}).to_json())],
    )
    check_limits(drifted, unknown=0.6, drift=1, worst_rows=[])
    check_limits(profile(), unknown=0.1, drift=0, worst_rows=[])


def test_too_many_unknown_words_name_the_rows() -> None:
    rows = [(1, 0.1), (9, 1.0), (5, 0.75), (4, 0.75), (8, 0.2), (7, 0.3)]
    with pytest.raises(DataError) as caught:
        check_limits(profile({"unknown": 0.61}), unknown=0.6, drift=1, worst_rows=rows)
    assert str(caught.value) == (
        "The share of the validation split's body words that the vocabulary does not hold must be "
        "at most 0.6 (preprocess.limits.unknown). Received: 0.61; the raw file's rows with most "
        "are 9 (100%), 4 (75%), 5 (75%), 7 (30%), 8 (20%). Try: look at these rows, raise "
        "preprocess.body.keep_n, or raise the limit in params.yaml."
    )


def test_too_much_drift_names_what_changed() -> None:
    words = tuple((f"w{n}" * 30, 99.0) for n in range(7))
    now = profile({"histogram": bins(n1=1), "words_mean": 1.0, "words": words}, rows=_rows(1300))
    found = with_drift(now, [(COMMIT, profile().to_json())])
    with pytest.raises(DataError) as caught:
        check_limits(found, unknown=1, drift=0.5, worst_rows=[(1, 1.0)])
    named = ", ".join(("w" + str(n)) * 20 for n in range(5))
    assert str(caught.value) == (
        "The distance of body lengths from those of commit 0123456789ab must be at most 0.5 "
        "(preprocess.limits.drift). Received: 1.0; bodies had 34.57 words on average and have 1.0; "
        f"new frequent words: {named}; +66 rows. "
        "Try: look at the new rows, or raise the limit in params.yaml."
    )


def test_drift_without_new_words_names_none() -> None:
    now = profile({"histogram": bins(n1=1)}, rows=_rows(5))
    found = with_drift(now, [(COMMIT, profile().to_json())])
    with pytest.raises(
        DataError, match=r"Received: 1\.0; bodies had 34\.57 .* 34\.57; -1229 rows\. Try: "
    ):
        check_limits(found, unknown=1, drift=0.5, worst_rows=[])


def test_data_that_is_committed_is_accepted_whatever_params_say() -> None:
    present = profile()
    other_params = profile({"kept": 3, "words": (("a", 1.0),)})
    assert is_committed(other_params, [(COMMIT, present.to_json())])
    assert with_drift(other_params, [(COMMIT, present.to_json())]).drift is None
    assert not is_committed(profile(rows=_rows(5)), [(COMMIT, present.to_json())])
    assert not is_committed(present, [(COMMIT, "no profile"), (COMMIT, present.to_json())])
    assert not is_committed(present, [])
