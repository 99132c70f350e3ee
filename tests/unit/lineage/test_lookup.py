"""What a person may hold, and where the registry is then asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import provenances
from issuesum.errors import ArtifactError, ParamsError
from issuesum.lineage.provenance import lookup
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.receipt import Receipt
from issuesum.registry.image import RemoteImage
from issuesum.registry.reference import Reference

DIGEST = "sha256:" + "ab" * 32
NAME = "registry.example.com:5000/team/titles"
TAG = provenances.TAG
CONTENT = json.dumps(provenances.provenance(), indent=2).encode()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Return what a registry is asked that knows every image; enter a folder with a receipt."""
    questions: list[Any] = []

    def read_image(registry: str, reference: Reference) -> RemoteImage:
        questions.append((registry, str(reference)))
        return RemoteImage(reference, 5, {}, "", ())

    def read_file(registry: str, image: RemoteImage, path: str) -> bytes:
        questions.append((registry, str(image.reference), path))
        return CONTENT

    monkeypatch.setattr(lookup, "Registry", lambda host: host)
    monkeypatch.setattr(lookup, "read_image", read_image)
    monkeypatch.setattr(lookup, "read_file", read_file)
    monkeypatch.chdir(tmp_path)
    Path("serving").mkdir()
    Receipt(f"{NAME}:{TAG}", DIGEST, "g", "d").save()
    Receipt("other.example.com/old:v1", DIGEST, "g", "d").save(Path("old.json"))
    return questions


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        (TAG, f"{NAME}:{TAG}"),
        ("3f2c1ab4d5e6-dirty-9d8e7f6a5b4c", f"{NAME}:3f2c1ab4d5e6-dirty-9d8e7f6a5b4c"),
        (DIGEST, f"{NAME}@{DIGEST}"),
        ("other.example.com/name:v1", "other.example.com/name:v1"),
        (f"other.example.com/name@{DIGEST}", f"other.example.com/name@{DIGEST}"),
        (None, f"{NAME}@{DIGEST}"),
        ("old.json", f"other.example.com/old@{DIGEST}"),
    ],
)
def test_an_image_is_looked_up_where_its_name_says(
    text: str | None, reference: str, asked: list[Any]
) -> None:
    found = lookup.look_up(text, default=NAME)
    host = reference.partition("/")[0]
    assert asked == [(host, reference), (host, reference, "app/provenance.json")]
    assert str(found.image.reference) == reference
    assert found.content == CONTENT
    assert found.provenance.commit == json.loads(CONTENT)["commit"]


@pytest.mark.parametrize(("text", "sign"), [(TAG, ":"), (DIGEST, "@")])
def test_what_is_no_whole_name_needs_a_repository(text: str, sign: str, asked: list[Any]) -> None:
    with pytest.raises(ParamsError, match=f"Try: registry/name{sign}{text}"):
        lookup.look_up(text, default=None)
    assert asked == []


@pytest.mark.parametrize("text", ["latest", "titles", f"{TAG}0", f"{DIGEST}0", DIGEST[:-1]])
def test_what_is_no_name_at_all_is_refused(text: str, asked: list[Any]) -> None:
    with pytest.raises(ParamsError, match=rf"An image must be named by .* Received: '{text}'"):
        lookup.look_up(text, default=NAME)
    assert asked == []
    with pytest.raises(ParamsError, match="docker tag titles:v1 registry/name:tag, and docker p"):
        lookup.look_up("titles:v1", default=NAME)


@pytest.mark.parametrize("content", [b"", b"[]", b'["commit"]', b'"commit"', b"{}", b"\xff"])
def test_what_is_no_provenance_is_refused(content: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"^/app/provenance\.json of a/b:c must be a prov"):
        Provenance.parse(content, "a/b:c")
