"""Reports say what was compared, and survive what is not there."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from issuesum.errors import ArtifactError
from issuesum.lineage.dvc import Change
from issuesum.lineage.metrics import GateResult, Metrics
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.reporting import wording
from issuesum.lineage.reporting.comparison import compare
from issuesum.lineage.reporting.model_report import LIMIT, to_markdown, to_page
from issuesum.lineage.reporting.model_side import ModelSide
from report_sides import HOSTILE, rows, side

VOID = {"meta", "br", "img"}


class _Checker(HTMLParser):
    """Collects tags, and fails where they are not nested."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict]] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _tags(text: str) -> list[tuple[str, dict]]:
    checker = _Checker()
    checker.feed(text)
    assert checker.open == []
    return checker.seen


@pytest.fixture(scope="module")
def before() -> ModelSide:
    return side("a" * 12, rows(60, seed=1, right=0.4))


@pytest.fixture(scope="module")
def now() -> ModelSide:
    return side("working tree", rows(60, seed=2, right=0.8))


def test_both_pages_show_that_the_model_is_better(before: ModelSide, now: ModelSide) -> None:
    found = compare(now, before, {"train.epochs": Change(2, 3), "train.xla": Change(None, True)})
    kind, sentence = wording.verdict(found)
    assert kind == "better"
    assert sentence.endswith("the difference is larger than chance.")
    for text in (to_markdown(found), to_page(found)):
        assert sentence in text
        assert "Paired bootstrap over the same 60 issues." in text
        assert "train.epochs" in text
        assert "not set" in text
        assert "None" not in text
    assert '<p class="verdict better">' in to_page(found)
    assert found.changed == {"train"}
    assert "→ **train ●** → evaluate" in to_markdown(found)
    assert compare(before, now, {}).figures["rouge_l"].difference.value < 0
    assert wording.verdict(compare(before, now, {}))[0] == "worse"


def test_the_same_model_is_neither_better_nor_worse(before: ModelSide) -> None:
    found = compare(before, before, {})
    assert wording.verdict(found)[0] == "even"
    assert {wording.chance(figure) for figure in found.figures.values()} == {"equal"}
    assert found.titles.differing == 0
    assert "No param differs." in to_markdown(found)


@pytest.mark.parametrize("without", ["base", "metrics"])
def test_without_a_base_it_is_the_first_model(
    without: str, before: ModelSide, now: ModelSide
) -> None:
    found = compare(now, None if without == "base" else replace(before, metrics=Metrics()), {})
    assert wording.heading(found) == "working tree: first model"
    assert "before" not in to_markdown(found).replace("| before |", "")
    _tags(to_page(found))


def test_grown_data_is_paired_and_other_data_is_not() -> None:
    grown = compare(side("w", rows(90)), side("b", rows(60)), {})
    assert "60 issues" in grown.basis or "60." in grown.basis
    assert grown.basis.startswith("Paired")
    other = rows(60).assign(issue=lambda table: "f" + table["issue"].str[1:])
    found = compare(side("w", rows(60)), side("b", other), {})
    assert found.basis.startswith("Unpaired")
    assert found.titles.common == 0


def test_hostile_words_are_shown_and_not_read() -> None:
    table = rows(20)
    table["issue_title"] = HOSTILE
    table["predicted"] = HOSTILE + " too"
    table["issue_url"] = 'javascript:alert("x")'
    found = compare(
        side("w", table, receipt=Receipt(HOSTILE, HOSTILE, HOSTILE, HOSTILE)),
        side("b", table.assign(predicted=HOSTILE, rouge_l=0.0)),
        {HOSTILE: Change(HOSTILE, HOSTILE)},
    )
    tags = _tags(to_page(found))
    names = {name for name, _ in tags}
    assert not names & {"script", "img", "iframe", "link"}
    assert not any("href" in attributes for name, attributes in tags if name == "a")
    comment = to_markdown(found)
    assert not re.search(r"<script|@octocat|#12\b|!\[|://evil", comment)


def test_titles_of_any_length_fit_into_a_comment() -> None:
    table = rows(40).assign(issue_title="@<|" * 400, predicted="`#[" * 400)
    nodes = {f"stage{place}": tuple(f"out{place}/{n}" for n in range(12)) for place in range(9)}
    found = compare(
        side("w", table, nodes=nodes), side("b", table.assign(predicted="x", rouge_l=0.5)), {}
    )
    assert 1_000 < len(to_markdown(found)) < LIMIT


def test_what_is_missing_is_listed_and_nothing_else_fails(
    before: ModelSide, now: ModelSide
) -> None:
    bare = replace(
        now, profile=None, split=None, scores=None, curves={}, hashes={}, receipt=None,
        missing=("eval/scores.csv of w: not there",),
    )  # fmt: skip
    found = compare(bare, before, {})
    assert wording.verdict(found)[0] == "unknown"
    for text in (to_markdown(found), to_page(found)):
        assert "eval/scores.csv of w" in text
    _tags(to_page(found))


@pytest.mark.parametrize("metrics", [None, {}, {"model": {"rouge_l": "much"}}])
def test_a_model_without_scores_is_an_error_of_one_line(metrics, now: ModelSide) -> None:
    with pytest.raises(
        ArtifactError, match=r"^eval/metrics.json must .* Try: dvc repro evaluate\.$"
    ):
        compare(replace(now, metrics=Metrics.read(metrics)), None, {})


def test_equal_comparisons_give_equal_pages_that_ask_for_nothing(
    before: ModelSide, now: ModelSide
) -> None:
    one, other = (compare(now, before, {}) for _ in range(2))
    assert to_page(one) == to_page(other)
    assert to_markdown(one) == to_markdown(other)
    assert not re.search(r"(src=|@import|url\((?!#))", to_page(one))


def test_names_of_stages_are_shown_and_not_read(now: ModelSide) -> None:
    found = compare(replace(now, nodes={"@octocat <b>": ()}), None, {})
    assert "@octocat" not in to_markdown(found)
    assert "<b>" not in to_page(found)


def test_a_refused_model_says_so(now: ModelSide) -> None:
    gate = GateResult(passed=False, reasons=("ROUGE-L is 1.00, below 2",))
    metrics = now.metrics.model_copy(update={"gate": gate})
    found = compare(replace(now, metrics=metrics), None, {})
    assert "The gate refuses this model: ROUGE-L is 1.00, below 2." in to_page(found)
