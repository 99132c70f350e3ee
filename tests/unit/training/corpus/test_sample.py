"""The synthetic issues: the committed ones, as documented, and those of the script."""

from __future__ import annotations

import gzip
import hashlib
import re
import statistics
import subprocess
import sys

import pytest

from issuesum.errors import ParamsError
from issuesum.layout import SAMPLE
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import normalise, read_issues, sample_issues, write_issues
from projects import ROOT

NOISE_TITLES = {
    "It does not work any more", "Any news about this one", "Please help me with this",
    "Same problem here as well", "Question about the last comment",
    "Still broken, please look again",
}  # fmt: skip
FOREIGN_OPENINGS = (
    "Hallo zusammen,", "Moin,", "Vielen Dank erst", "Hola a todos:", "Buenos días,", "¡Gracias",
    "Bonjour à tous,", "Salut,", "Merci beaucoup", "Olá a todos,", "Bom dia,", "Obrigado",
)  # fmt: skip


@pytest.fixture(scope="module")
def issues():
    return sample_issues(4_000)


def test_bytes_are_those_of_every_other_machine(tmp_path):
    path = tmp_path / "sample.csv"
    write_issues(path, sample_issues(50))
    assert (
        hashlib.sha256(path.read_bytes()).hexdigest()
        == "d8d9e8b5f2546c20eebfceee124b97e4f19d9808a6bfae0db08aa64c45e169a7"
    )


def test_the_file_is_small_and_names_no_time_and_no_file():
    content = (ROOT / SAMPLE).read_bytes()
    assert len(content) < 1_000_000
    assert content[3:8] == bytes(5)  # neither flags nor a time


def test_another_seed_takes_other_issues(issues):
    assert sample_issues(20, 1) == sample_issues(20, 1)
    assert sample_issues(20, 1) != sample_issues(20, 2)
    assert set(sample_issues(20, 1)) <= set(issues)


def test_more_rows_begin_with_the_same_issues(issues):
    assert sample_issues(20) == issues[:20]


def test_more_rows_than_there_are_is_a_mistake():
    with pytest.raises(
        ParamsError, match=r"has 4,000 rows\. Received: .* 4,001\. Try: tools/make_"
    ):
        sample_issues(4_001)


def test_ingest_would_change_and_reject_nothing(tmp_path, issues):
    path = tmp_path / "sample.csv"
    write_issues(path, issues)
    assert list(read_issues(path)) == issues
    assert [normalise(issue) for issue in issues] == issues


@pytest.mark.parametrize("name", ["issues.csv", "issues.csv.gz"])
def test_the_script_makes_any_number_of_issues_like_these(tmp_path, name):
    def make(rows):
        command = [sys.executable, ROOT / "tools/make_sample.py", path, "--rows", str(rows)]
        subprocess.run(command, check=True)
        return path.read_bytes()

    path = tmp_path / name
    content = make(600)
    assert make(600) == content
    made = list(read_issues(path))
    assert len(made) == 600
    assert all(isinstance(row, Issue) for row in made)
    assert not [row for row in made if re.search(r"[{}|]", row.title + row.body)]
    assert 0 < len(made) - len({row[1:] for row in made}) < 30
    assert share(made, lambda row: row.title.lower() in row.body.lower()) < 0.01
    make(10)
    assert list(read_issues(path)) == made[:10]
    if name.endswith(".gz"):
        assert gzip.decompress(content).startswith(b"issue_url,issue_title,body\n")


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
    assert 0.03 < share(issues, lambda issue: issue.body.startswith(FOREIGN_OPENINGS)) < 0.05


def test_about_2_percent_are_noise(issues):
    assert 0.014 < share(issues, lambda issue: issue.title in NOISE_TITLES) < 0.028


def test_about_1_percent_repeat_an_earlier_title_and_body(issues):
    assert 0.005 < 1 - len({issue[1:] for issue in issues}) / len(issues) < 0.016


def test_titles_are_rarely_found_in_their_bodies(issues):
    assert share(issues, lambda issue: issue.title.lower() in issue.body.lower()) < 0.001


def share(issues, holds):
    return sum(map(holds, issues)) / len(issues)
