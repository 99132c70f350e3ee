"""What `issuesum verify` refuses before it asks a registry, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from issuesum.cli.verify import _tag, command
from issuesum.errors import ArtifactError, ParamsError, RepositoryError, VerificationError
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.verification import Check


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISSUESUM_VERIFY_KEY", raising=False)


@pytest.mark.parametrize(
    ("ref", "tag"),
    [
        ("localhost:5000/a:b", "b"),
        ("localhost:5000/a", "latest"),
        (f"localhost:5000/a@sha256:{'a' * 64}", None),
        (f"localhost:5000/a:b@sha256:{'a' * 64}", "b"),
        (f"{'1' * 12}-{'2' * 12}", f"{'1' * 12}-{'2' * 12}"),
        (f"sha256:{'a' * 64}", None),
    ],
)
def test_the_tag_by_which_an_image_is_asked_for(ref: str, tag: str | None) -> None:
    assert _tag(ref) == tag


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ([], ArtifactError, "serving/image.json must name the exported image"),
        ([f"{'1' * 12}-{'2' * 12}"], ParamsError, "alone needs a repository to look it up in"),
        (["localhost:5000/a:b", "--key", "none.pub"], ParamsError, "none.pub must hold public"),
    ],
)
def test_what_is_missing_is_listed(
    arguments: list[str], error: type, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISSUESUM_REGISTRY", raising=False)
    done = CliRunner().invoke(command, arguments)
    assert isinstance(done.exception, error)
    assert words in str(done.exception)


@pytest.mark.parametrize(
    ("states", "error", "words"),
    [
        (
            ("ok", "not committed"),
            RepositoryError,
            "its hashes in the working tree alone. Try: git",
        ),
        (
            ("failed", "not committed"),
            VerificationError,
            "1 of 2 checks failed (tag). Try: another",
        ),
        (("ok", "not checked"), None, ""),
    ],
)
def test_a_lock_that_is_not_committed_is_no_forgery(
    states: tuple, error: type | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = SimpleNamespace(reference=Reference.parse("localhost:5000/a:b"))
    found = SimpleNamespace(image=image, content=b"")
    checks = [Check(*each, "dvc.lock is …") for each in zip(("tag", "lock"), states, strict=True)]
    monkeypatch.setattr("issuesum.lineage.provenance.lookup.look_up", lambda *_, **__: found)
    monkeypatch.setattr(f"{Check.__module__}.verify", lambda *_, **__: checks)
    done = CliRunner().invoke(command, ["localhost:5000/a:b", "--json"])
    assert json.loads(done.stdout)["verified"] is (error is None)
    assert (type(done.exception) if done.exception else None) == error
    assert words in str(done.exception or "")
    assert ("TO DO" in CliRunner().invoke(command, ["localhost:5000/a:b"]).stdout) == bool(error)


def test_keys_of_the_environment_are_separated_as_a_path_is() -> None:
    done = CliRunner().invoke(
        command, ["localhost:5000/a:b"], env={"ISSUESUM_VERIFY_KEY": "one.pub:two.pub"}
    )
    assert "one.pub must hold public keys" in str(done.exception)
