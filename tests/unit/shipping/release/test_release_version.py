"""Which version a tag or a stage names, by real tags of Git."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.errors import ParamsError, RepositoryError
from issuesum.shipping.release import wanted
from tags import Tagged

NAME = "issuesummarization"


@pytest.fixture
def tagged(tmp_path: Path) -> Tagged:
    """Return a repository with two versions, of which the second is in production."""
    made = Tagged(tmp_path)
    for version in ("v1.0.0", "v1.1.0"):
        made.commit(version)
        made.tag(f"{NAME}@{version}")
    made.tag(f"{NAME}#prod#1", "HEAD~1")
    made.tag(f"{NAME}#prod#2", "HEAD")
    return made


def test_a_tag_names_its_own_version_and_a_stage_what_is_there_now(tagged: Tagged) -> None:
    root = tagged.path
    assert wanted(root, f"{NAME}@v1.0.0", None, current=False).stage is None
    early = wanted(root, f"{NAME}#prod#1", None, current=False)
    assert (early.version, early.commit, early.stage) == ("v1.0.0", tagged.commits[0], "prod")
    now = wanted(root, None, "prod", current=False)
    assert (now.version, now.commit, now.stage) == ("v1.1.0", tagged.commits[1], "prod")
    assert wanted(root, f"{NAME}#prod#2", None, current=True) == now


def test_a_late_run_for_an_earlier_tag_undoes_nothing(tagged: Tagged) -> None:
    with pytest.raises(RepositoryError, match=r"Received: v1\.0\.0, and v1\.1\.0 is there"):
        wanted(tagged.path, f"{NAME}#prod#1", None, current=True)


@pytest.mark.parametrize(
    ("tag", "stage", "current", "expected"),
    [
        (None, None, False, (ParamsError, "Received: neither")),
        (f"{NAME}@v1.0.0", "prod", False, (ParamsError, "Received: both")),
        (f"{NAME}@v1.0.0", None, True, (ParamsError, "must have a version in a stage")),
        (f"{NAME}#prod!#3", None, False, (ParamsError, "or put it in a stage")),
        ("other#prod#1", None, False, (ParamsError, "must register a version")),
        ("v1.0.0", None, False, (ParamsError, "must register a version")),
        (f"{NAME}@v9.0.0", None, False, (RepositoryError, "must be a tag of this repository")),
        (None, "staging", False, (RepositoryError, "must be in stage staging. Received: none")),
    ],
)
def test_what_names_no_version_is_refused(
    tagged: Tagged, tag: str | None, stage: str | None, current: bool, expected: tuple[type, str]
) -> None:
    kind, message = expected
    with pytest.raises(kind, match=message):
        wanted(tagged.path, tag, stage, current=current)


def test_a_version_that_is_registered_no_more_is_refused(tagged: Tagged) -> None:
    tagged.tag(f"{NAME}@v1.0.0!", "HEAD~1")
    with pytest.raises(RepositoryError, match="must be of a version that is registered"):
        wanted(tagged.path, f"{NAME}@v1.0.0", None, current=False)
