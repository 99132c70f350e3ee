"""Which issues titles are compared on, and how long the reference trains."""

from __future__ import annotations

import argparse

import pytest

import quality
from issuesum.errors import DataError
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import write_issues
from toy_bundle import write_bundle


@pytest.fixture
def known(tmp_path):
    path = tmp_path / "known.csv"
    write_issues(path, [Issue("", "App crashes", "it crashes on start")])
    return path


def test_held_out_issues_stand_once_and_none_is_known(known, tmp_path):
    path = tmp_path / "other.csv"
    issues = [
        Issue("https://example.com/1", "app  crashes", "It crashes on start"),
        Issue("", "Error", "first body"),
        Issue("", "Error", "first body"),
        Issue("", "Error", "second body"),
        Issue("", "Error", "third body"),
    ]
    write_issues(path, issues)
    texts = quality.read_held_out(path, known, 2)
    assert texts.name == "issues of other.csv"
    assert texts.bodies == ["first body", "second body"]
    assert texts.titles == ["Error", "Error"]


def test_held_out_issues_that_are_all_known_are_refused(known):
    with pytest.raises(DataError, match="that is not in --issues"):
        quality.read_held_out(known, known, 10)


def test_titles_come_from_a_bundle_in_the_order_of_the_bodies(tmp_path):
    bundle = write_bundle(tmp_path)
    bodies = ["the app crashes on start", "start", "crashes on start"]
    titles = quality.write_titles(bundle, bodies, 2)
    assert titles == [quality.write_titles(bundle, [body], 1)[0] for body in bodies]


def test_seeds_give_a_mean_and_a_spread():
    scores = [{"rouge_l": 20.0, "length": 90.0}, {"rouge_l": 22.0, "length": 110.0}]
    assert quality.mean_of(scores) == {"rouge_l": 21.0, "length": 100.0}
    assert quality.spread_of(scores)["rouge_l"] == pytest.approx(2**0.5)


def test_settings_are_yaml():
    assert quality.setting("train.max_steps=100") == ("train.max_steps", 100)
    assert quality.setting("train.arch=pointer") == ("train.arch", "pointer")
    with pytest.raises(argparse.ArgumentTypeError, match="NAME=VALUE"):
        quality.setting("train.max_steps")


def test_the_reference_trains_as_many_updates_as_fit_into_the_seconds():
    assert quality._UPDATES == (20, 120)
    # 10 s for what is done once, and 0.1 s an update
    assert quality.updates_in(110.0, few=12.0, many=22.0) == 1000
    assert quality.updates_in(1.0, few=12.0, many=22.0) == 1
