"""The synthetic issues: the same everywhere, and as documented."""

from __future__ import annotations

import hashlib
import re
import statistics

import pytest

from issuesum.training.corpus.reading import normalise, read_issues
from issuesum.training.corpus.sample import generate
from issuesum.training.corpus.sampling.languages import LANGUAGES
from issuesum.training.corpus.sampling.prose import NOISE_TITLES
from issuesum.training.corpus.writing import write_issues

SEED = 20_180_601


@pytest.fixture(scope="module")
def issues():
    return list(generate(4_000, SEED))


def digest(path, seed):
    write_issues(path, generate(50, seed))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_bytes_are_those_of_every_other_machine(tmp_path):
    assert (
        digest(tmp_path / "sample.csv", SEED)
        == "4c2e5abb524c760db20aed1b88acf1098f31516fdfe9328fadd6835700192323"
    )


def test_another_seed_gives_other_bytes(tmp_path):
    assert digest(tmp_path / "a.csv", 1) != digest(tmp_path / "b.csv", 2)


def test_more_rows_begin_with_the_same_issues(issues):
    assert list(generate(20, SEED)) == issues[:20]


def test_ingest_would_change_and_reject_nothing(tmp_path, issues):
    path = tmp_path / "sample.csv"
    write_issues(path, issues)
    assert list(read_issues(path)) == issues
    assert [normalise(issue) for issue in issues] == issues


def test_titles_have_4_to_11_words(issues):
    assert {len(issue.title.split()) for issue in issues} == set(range(4, 12))


def test_bodies_have_a_length_that_people_write(issues):
    assert 70 <= statistics.median(len(issue.body.split()) for issue in issues) <= 110


def test_urls_are_unique(issues):
    assert len({issue.url for issue in issues}) == len(issues)
    assert all(
        re.fullmatch(r"https://github\.com/example-org/[a-z-]+/issues/\d+", issue.url)
        for issue in issues
    )


def test_every_address_is_reserved_for_examples(issues):
    hosts = {
        host
        for issue in issues
        for host in re.findall(r"(?:https?://|@)([\w-]+(?:\.[\w-]+)+)", issue.body)
    }
    assert hosts
    assert all(re.search(r"(^|\.)example\.(com|org)$", host) for host in hosts), hosts


def test_no_placeholder_is_left(issues):
    assert not [issue for issue in issues if re.search(r"[{}]", issue.title + issue.body)]


def test_about_4_percent_are_in_other_languages(issues):
    parts = tuple(part for language in LANGUAGES for part in language.parts)
    assert 0.03 < share(issues, lambda issue: issue.title.startswith(parts)) < 0.05


def test_about_2_percent_are_noise(issues):
    assert 0.014 < share(issues, lambda issue: issue.title in NOISE_TITLES) < 0.028


def test_about_1_percent_repeat_an_earlier_title_and_body(issues):
    assert 0.005 < 1 - len({issue[1:] for issue in issues}) / len(issues) < 0.016


def test_titles_are_rarely_found_in_their_bodies(issues):
    assert share(issues, lambda issue: issue.title.lower() in issue.body.lower()) < 0.001


def share(issues, holds):
    return sum(map(holds, issues)) / len(issues)
