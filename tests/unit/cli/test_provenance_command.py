"""`issuesum provenance`: a tree, a document or a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import provenances
from issuesum.cli.provenance import command
from issuesum.cli.shared import default_repository
from issuesum.errors import ArtifactError, ParamsError
from issuesum.lineage.provenance.trace import Image, Trace

FOUND = Trace(
    provenances.read(provenances.provenance()),
    Image("r.example.com/n@sha256:ab", "sha256:ab", 5, {}),
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list:
    """Return what is looked up, and where; in an empty folder."""
    seen: list = []

    def trace(text: str | None, *, default: str | None, **_: object) -> Trace:
        seen.append((text, default))
        return FOUND

    monkeypatch.setattr("issuesum.lineage.provenance.trace.trace", trace)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISSUESUM_REGISTRY", raising=False)
    return seen


def test_it_prints_the_tree(asked: list) -> None:
    done = CliRunner().invoke(command, ["some:tag"])
    assert done.exit_code == 0, done.output
    assert "└─ raw data" in done.stdout
    assert asked == [("some:tag", None)]


def test_json_is_one_document(asked: list, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--json", "--html", "out/page.html"])
    document = json.loads(done.stdout)
    assert document == json.loads(json.dumps(FOUND.as_json()))
    assert document["image"]["digest"] == "sha256:ab"
    assert asked == [(None, None)]
    assert "<svg " in (tmp_path / "out/page.html").read_text(encoding="utf-8")


def test_tags_are_looked_up_where_params_or_the_environment_say(
    asked: list, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_repository() is None
    monkeypatch.setenv("ISSUESUM_REGISTRY", "r.example.com/team")
    CliRunner().invoke(command, ["tag"])
    params = (root / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(params.replace("  image: issuesum", "  image: my"))
    CliRunner().invoke(command, ["tag"])
    monkeypatch.delenv("ISSUESUM_REGISTRY")
    CliRunner().invoke(command, ["tag"])
    assert [default for _, default in asked] == [
        "r.example.com/team/issuesummarization",
        "r.example.com/team/mymarization",
        "localhost:5000/mymarization",
    ]


def test_without_a_receipt_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command, [])
    assert isinstance(done.exception, ArtifactError)
    assert "serving/image.json must name the exported image" in str(done.exception)
    done = CliRunner().invoke(command, ["no such thing"])
    assert isinstance(done.exception, ParamsError)
