"""Packages by the best source that both images have."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from issuesum.lineage.dvc import Change
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.reporting import image_difference
from issuesum.lineage.reporting.image_difference import SBOM, PackageDifference, compare_packages
from issuesum.registry.image import RemoteImage
from issuesum.registry.reference import Reference
from registry_stub import serve
from stored_images import StoredImages


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[StoredImages, str]]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nobody"))
    held = StoredImages()
    with serve(held) as (host, _):
        yield held, host


def found(host: str, digest: str, **provenance: object) -> Found:
    image = RemoteImage(Reference(host, "titles", digest=digest), 1, {}, "", ())
    return Found(image, Provenance.model_validate({"commit": "c" * 40, **provenance}), b"")


def sbom(*components: tuple[str, str, str]) -> bytes:
    keys = ("type", "name", "version")
    return json.dumps(
        {"components": [dict(zip(keys, c, strict=True)) for c in components]}
    ).encode()


def test_sboms_go_first(stored: tuple[StoredImages, str], tmp_path: Path) -> None:
    held, host = stored
    one, two = (held.put("titles", tag, {tag: b""}) for tag in ("one", "two"))
    held.attach("titles", one, "application/x-other", b"{")
    held.attach("titles", one, SBOM, b"[]")
    held.attach(
        "titles", one, SBOM, sbom(("library", "numpy", "1.26.4"), ("file", "a", "1"),
                                  ("library", "ruamel.yaml", "1"))
    )  # fmt: skip
    held.attach(
        "titles", two, SBOM, sbom(("library", "numpy", "1.26.5"), ("library", "numpy", "1.26.4"),
                                  ("library", "ruamel.yaml", "1"))
    )  # fmt: skip
    expected = {"numpy": Change("1.26.4", "1.26.4, 1.26.5")}
    assert compare_packages(found(host, one), found(host, two), tmp_path) == PackageDifference(
        "sbom", False, expected
    )
    assert compare_packages(found(host, one), found(host, one), tmp_path).same is True


def test_requirements_count_only_if_the_image_was_built_from_them(
    stored: tuple[StoredImages, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = stored[1]
    texts = {"a" * 40: b"numpy==1.26.4 \\\n", "b" * 40: b"numpy==1.26.5 ; x\nflask==3.0\n"}
    monkeypatch.setattr(
        image_difference.git, "file_at", lambda _root, commit, _path: texts.get(commit)
    )
    digest = f"sha256:{'0' * 64}"

    def image(commit: str, **provenance: object) -> Found:
        return found(host, digest, commit=commit * 40, **provenance)

    right, other = hashlib.sha256(texts["b" * 40]).hexdigest(), "d" * 64
    difference = compare_packages(image("a"), image("b", dirty=True, requirements=right), tmp_path)
    assert difference.changed == {"flask": Change(None, "3.0"), "numpy": Change("1.26.4", "1.26.5")}
    difference = compare_packages(
        image("a", requirements=right), image("b", requirements=other), tmp_path
    )
    assert difference == PackageDifference(None, None, {})
    assert compare_packages(image("a"), image("c"), tmp_path) == PackageDifference(None, None, {})
