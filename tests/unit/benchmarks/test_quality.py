"""The table of titles, and which issues it is made of."""

from __future__ import annotations

import argparse

import pytest

import quality
from issuesum.errors import DataError
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.writing import write_issues
from issuesum.training.evaluation.scores import Scores
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


def test_the_table_ends_in_what_ours_gains():
    names = ("first", "similar", "theirs", "ours")
    values = ((20, 10, 18), (9, 2, 8), (8, 2, 0), (22, 9, 20.5))
    scores = {name: Scores(*of, bleu=0.0) for name, of in zip(names, values, strict=True)}
    head, *rows, gained, ratio = quality.table("500 test issues", scores)
    assert head.split() == ["500", "test", "issues", "ROUGE-1", "ROUGE-2", "ROUGE-L"]
    assert [row.split()[0] for row in rows] == list(names)
    assert gained.split()[-3:] == ["+2.00", "-1.00", "+2.50"]
    assert ratio.split()[-3:] == ["2.75", "4.50", "2050.00"]


def test_settings_are_yaml():
    assert quality.setting("train.max_steps=100") == ("train.max_steps", 100)
    assert quality.setting("train.arch=pointer") == ("train.arch", "pointer")
    with pytest.raises(argparse.ArgumentTypeError, match="NAME=VALUE"):
        quality.setting("train.max_steps")
