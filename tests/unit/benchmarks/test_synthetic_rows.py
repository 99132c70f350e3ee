"""Made-up rows: any number, none equal, and a longer file begins with the shorter one."""

from __future__ import annotations

import gzip
import re

import pytest

from issuesum.errors import DataError
from issuesum.training.corpus.issue import Issue, issue_key
from issuesum.training.corpus.reading import read_issues, write_issues
from synthetic_rows import write_rows

HASH = re.compile(r"\b[0-9a-f]{7}\b")
NAMES = ["parser", "server", "editor", "button", "window", "cache", "socket", "driver"]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.csv"
    issues = [
        Issue(
            f"https://example.com/{number}",
            f"{name} fails on start",
            f"the {name} fails, see log{number}\n\nwhen I start the {name} it fails at 0x1F",
        )
        for number, name in enumerate(NAMES)
    ]
    issues[3:3] = [issues[0], issues[0]]  # repeats, as the real files have
    write_issues(path, issues)
    return path


@pytest.fixture
def make(source, tmp_path):
    def made(rows, **options):
        target = tmp_path / "target.csv"
        write_rows(source, target, rows, **options)
        return target.read_bytes(), list(read_issues(target))

    return made


def test_the_number_of_rows_is_exact_and_each_can_be_used(make):
    for rows in (0, 1, 7, 200):
        issues = make(rows)[1]
        assert len(issues) == rows
        assert all(isinstance(issue, Issue) for issue in issues)


def test_no_two_rows_are_equal(make):
    issues = make(2_000)[1]
    assert len({issue.url for issue in issues}) == 2_000
    assert len({issue_key(issue.title, issue.body) for issue in issues}) == 2_000


def test_rows_differ_where_no_word_can_be_exchanged(tmp_path):
    source, target = tmp_path / "source.csv", tmp_path / "target.csv"
    write_issues(source, [Issue("", "yes no", "yes"), Issue("", "yes no", "no")])
    write_rows(source, target, 500)
    issues = [row for row in read_issues(target) if isinstance(row, Issue)]
    assert len({issue_key("", issue.body) for issue in issues}) == 500


def test_a_longer_file_begins_with_the_shorter_one(make):
    short, long = make(100)[0], make(101)[0]
    assert long.startswith(short)
    assert len(long) > len(short)


def test_the_seed_decides(make):
    assert make(50)[0] == make(50, seed=0)[0]
    assert make(50)[0] != make(50, seed=1)[0]


def test_rows_keep_most_of_their_source(make):
    issues = make(10)[1]
    assert [issue.url for issue in issues[:2]] == [
        "https://example.com/0#1",
        "https://example.com/1#2",
    ]
    assert "\n\nwhen" in issues[0].body
    assert sum("fails" in issue.title for issue in issues) >= 5


def test_words_keep_coming_after_the_first_round_and_ever_more_slowly(make):
    issues = make(320)[1]
    ends = (10, 20, 40, 80, 160, 320)
    found = [
        len({word for issue in issues[:end] for word in HASH.findall(issue.body)}) for end in ends
    ]
    assert found[0] == 0
    assert found == sorted(set(found))
    growth = [
        (b - a) / (y - x) for a, b, x, y in zip(found, found[1:], ends, ends[1:], strict=False)
    ]
    assert growth[-1] < growth[0]


def test_a_gzipped_source_gives_the_same_rows(source, make, tmp_path):
    plain = make(20)[0]
    zipped, target = tmp_path / "source.csv.gz", tmp_path / "target.csv"
    zipped.write_bytes(gzip.compress(source.read_bytes()))
    write_rows(zipped, target, 20)
    assert target.read_bytes() == plain


@pytest.mark.parametrize("issues", [[], [Issue("", "word", "word")], [Issue("", "a b", "1 2")]])
def test_a_source_of_too_few_words_is_refused(issues, tmp_path):
    source = tmp_path / "source.csv"
    write_issues(source, issues)
    with pytest.raises(DataError, match="at least two different words"):
        write_rows(source, tmp_path / "target.csv", 1)
