"""Ratios go from a benchmark to the suite, whole, and say whether a promise is kept."""

from __future__ import annotations

import argparse

import command_line
import end_to_end
import figures
import quality
import training
from figures import Ratio
from issuesum.training.evaluation.scores import Scores


def test_ratios_are_read_as_they_were_handed_over(tmp_path):
    ratios = [Ratio("one beside two", 0.5), Ratio("three beside one", 3.0, 2)]
    figures.hand_over(ratios, tmp_path / "ratios.json")
    assert figures.read(tmp_path / "ratios.json") == ratios


def test_who_asks_for_none_gets_none(tmp_path):
    parser = argparse.ArgumentParser()
    figures.add_option(parser)
    figures.hand_over([Ratio("one beside two", 0.5)], parser.parse_args([]).json)
    assert figures.read(tmp_path / "ratios.json") == []


def test_a_promise_is_kept_up_to_its_limit():
    assert [Ratio("", value, 2).kept for value in (1.9, 2, 2.1)] == [True, True, False]
    assert Ratio("", 1e9).kept


def test_commands_are_divided_by_what_they_cannot_do_without():
    seconds = {
        command_line._PYTHON: 0.1,
        ("issuesum", "jobs"): 0.3,
        command_line._DVC: 2.0,
        command_line._NOTHING_STALE: 3.0,
    }
    jobs, repro = command_line.compared(seconds)
    assert jobs == Ratio("issuesum jobs: time beside python -c pass", 0.3 / 0.1)
    assert repro == Ratio("dvc repro evaluate: time beside dvc version", 1.5)


def test_a_push_is_held_against_what_is_promised(capsys):
    stages = dict.fromkeys(("split", "preprocess", "train", "build", "evaluate", "export"), 10.0)
    whole, looking = end_to_end._print(5.0, 100.0, stages, [(1.0, 1.5)], rows=7)
    assert whole.value == 95 / 90
    assert not whole.kept
    assert (looking.value, looking.kept) == (1.5, True)
    assert "1.50 times dvc status" in capsys.readouterr().out


def test_quality_is_told_beside_every_other_way():
    scores = {name: Scores(0, 0, value, bleu=0) for name, value in (("a", 4), ("b", 0), ("c", 8))}
    ratios = list(quality.rouge_l_ratios("test issues", scores))
    assert [ratio.value for ratio in ratios] == [2, 800]
    assert ratios[0].what == "test issues: ROUGE-L beside a"


def test_gains_are_medians():
    passes = [(training.Pass(100, 10), training.Pass(rate, 5)) for rate in (150, 200, 900)]
    assert training.gains(passes) == (2, 2)
