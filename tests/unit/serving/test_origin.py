"""File, labels, metadata and tags say the same, or the server does not start."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import components
from issuesum.errors import ArtifactError, IssuesumError, ParamsError
from issuesum.registry.labels import VARIABLE, labels_of
from issuesum.serving.server.origin import Origin

PROVENANCE = {**components.PROVENANCE, "created": "2026-01-01T00:00:00+00:00", "source": None}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "provenance.json"
    path.write_bytes(json.dumps(PROVENANCE, indent=2).encode())
    return path


def test_labels_are_what_the_file_says(file: Path) -> None:
    found = labels_of(file.read_bytes())
    assert found["org.opencontainers.image.version"] == "0123456789ab-ba9876543210"
    assert found["org.opencontainers.image.revision"] == PROVENANCE["commit"]
    assert found["io.issuesum.hash.bundle"] == "ba9876543210.dir"
    assert found["io.issuesum.provenance"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "org.opencontainers.image.source" not in found
    assert "io.issuesum.patch" not in found
    dirty = json.dumps({**PROVENANCE, "patch": {"sha256": "ab", "base64": ""}}, indent=2).encode()
    assert labels_of(dirty)["io.issuesum.patch"] == "ab"


def test_metadata_bear_labels_and_tags_as_strings(file: Path) -> None:
    origin = Origin.read(file, {})
    assert origin.tags["git"] == origin.labels["io.issuesum.git"] == "0123456789ab"
    assert {type(value) for value in (origin.tags | origin.labels).values()} == {str}


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"io.issuesum.git": "0123456789ab"},
        {"org.opencontainers.image.title": "of the base image", "maintainer": "somebody"},
    ],
)
def test_labels_that_agree_or_are_not_ours_are_taken(labels: dict, file: Path) -> None:
    assert Origin.read(file, {VARIABLE: json.dumps(labels)}).provenance == PROVENANCE
    whole = {**labels_of(file.read_bytes()), **labels}
    assert Origin.read(file, {VARIABLE: json.dumps(whole)}).labels == labels_of(file.read_bytes())


@pytest.mark.parametrize(
    ("name", "label", "ours"),
    [
        ("io.issuesum.git", "ffffffffffff", "'0123456789ab' by the file"),
        ("io.issuesum.git", ["0123456789ab"], "'0123456789ab' by the file"),
        ("io.issuesum.provenance", "00", "' by the file"),
        ("io.issuesum.patch", "00", "None by the file"),
        ("org.opencontainers.image.revision", "0" * 40, f"{PROVENANCE['commit']!r} by the file"),
        ("org.opencontainers.image.version", "1", "'0123456789ab-ba9876543210' by the file"),
    ],
)
def test_labels_that_disagree_are_refused_with_both_values(
    name: str, label: object, ours: str, file: Path
) -> None:
    with pytest.raises(ArtifactError) as refused:
        Origin.read(file, {VARIABLE: json.dumps({name: label})})
    (line,) = str(refused.value).splitlines()
    assert f"The label {name} must be" in line
    assert f"Received: {label!r} as label" in line
    assert ours in line


@pytest.mark.parametrize("text", ["{", "[]", "1", "[" * 100_000])
def test_labels_that_are_no_json_object_are_refused(text: str, file: Path) -> None:
    with pytest.raises(ParamsError, match=f"{VARIABLE} must be the image's labels"):
        Origin.read(file, {VARIABLE: text})


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"git": "a", "dvc": "b"}'])
def test_a_broken_file_is_refused(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "provenance.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(IssuesumError, match="must be a provenance"):
        Origin.read(path, {})


def test_the_component_does_not_start_with_labels_of_another_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    components.stay_alive(monkeypatch)
    monkeypatch.setenv(VARIABLE, '{"io.issuesum.dvc": "ffffffffffff"}')
    with pytest.raises(SystemExit) as ended:
        components.component(tmp_path / "app")
    assert ended.value.code == ArtifactError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: The label io.issuesum.dvc must be")
    assert "'ffffffffffff' as label, 'ba9876543210' by the file" in line
