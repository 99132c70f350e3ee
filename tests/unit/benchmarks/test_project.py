"""A project of a benchmark's own: params, data, stages."""

from __future__ import annotations

import pytest

from issuesum.errors import ParamsError
from issuesum.layout import RAW
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import read_issues
from issuesum.training.corpus.writing import write_issues
from project import Project


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def test_params_change_by_their_dotted_names(project):
    project.change({"train.arch": "seq2seq", "build.decoding.beam_width": 2})
    assert project.params.train.arch == "seq2seq"
    assert project.params.build.decoding.beam_width == 2


def test_a_name_that_is_none_of_params_yaml_is_refused(project):
    with pytest.raises(ParamsError, match=r"train\.colour"):
        project.change({"train.colour": "red"})


def test_files_are_put_together(project, tmp_path):
    for name in ("one", "two"):
        write_issues(tmp_path / f"{name}.csv", [Issue("", f"title {name}", "body")])
    project.ingest([tmp_path / "one.csv", tmp_path / "two.csv"])
    assert [row.title for row in read_issues(project.folder / RAW)] == ["title one", "title two"]


def test_a_fork_has_the_same_data_and_params_of_its_own(project, tmp_path):
    write_issues(tmp_path / "issues.csv", [Issue("", "title", "body")])
    project.ingest([tmp_path / "issues.csv"])
    other = project.fork("other", {"train.epochs": 77})
    assert (other.folder / RAW).read_bytes() == (project.folder / RAW).read_bytes()
    assert other.params.train.epochs == 77
    assert project.params.train.epochs != 77


def test_a_stage_says_what_it_did_and_a_failure_ends_the_benchmark(project, tmp_path, capfd):
    issues = [Issue("", f"title {number}", f"body {number}") for number in range(40)]
    write_issues(tmp_path / "issues.csv", issues)
    project.ingest([tmp_path / "issues.csv"])
    run = project.stage("split")
    assert run.output.startswith("split: 40 rows")
    assert run.seconds > 0
    (project.folder / RAW).unlink()
    with pytest.raises(SystemExit, match="split failed"):
        project.stage("split")
    assert "error: split:" in capfd.readouterr().err


def test_a_stage_uses_no_folder_and_no_workers_of_the_user(project, monkeypatch):
    monkeypatch.setenv("ISSUESUM_CACHE", "/theirs")
    monkeypatch.setenv("TF_CONFIG", "{}")
    code = "import os; print('ISSUESUM_CACHE' in os.environ, 'TF_CONFIG' in os.environ)"
    process = project.start("-c", code, stdout=-1)
    assert process.communicate()[0] == "False False\n"
