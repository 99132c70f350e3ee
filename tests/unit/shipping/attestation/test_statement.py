"""The content of a statement, against the words of its specification."""

from __future__ import annotations

import pytest

from attestations import exported
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.statement import sbom_statement, serialised, slsa_statement

IMAGE = Reference.parse(f"localhost:5000/titles:x@sha256:{'c' * 64}")


def materials(statement: dict) -> dict[str, dict]:
    found = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    return {item["name"]: item for item in found}


def test_the_subject_is_the_image_without_its_tag() -> None:
    statement = slsa_statement(IMAGE, exported())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [
        {"name": "localhost:5000/titles", "digest": {"sha256": "c" * 64}}
    ]


def test_materials_are_named_by_what_their_digests_are_of() -> None:
    found = materials(slsa_statement(IMAGE, exported()))
    assert found["git"] == {
        "name": "git",
        "uri": f"git+https://example.com/issuesum.git@{'1' * 40}",
        "digest": {"gitCommit": "1" * 40},
    }
    assert found["raw"]["digest"] == {"md5": "a" * 32}
    assert found["raw"]["downloadLocation"] == f"s3://bucket/dvc/files/md5/aa/{'a' * 30}"
    assert found["model"]["digest"] == {"dvcDirMd5": "d" * 32}
    assert found["model"]["downloadLocation"] == f"s3://bucket/dvc/files/md5/dd/{'d' * 30}.dir"
    assert found["uv.lock"]["digest"] == {"sha256": "0" * 64}
    assert found["requirements.txt"]["digest"] == {"sha256": "9" * 64}
    assert found["base image"] == {
        "name": "base image",
        "uri": "pkg:docker/library/python@3.12-slim-bookworm",
    }
    # Of uri, digest and content, a ResourceDescriptor needs one.
    assert all({"uri", "digest"} & item.keys() for item in found.values())


def test_what_is_not_known_is_left_out() -> None:
    origin = exported(source=None, remote=None)
    origin.hashes["raw"] = None
    found = materials(slsa_statement(IMAGE, origin))
    assert "uri" not in found["git"]
    assert "raw" not in found
    assert "downloadLocation" not in found["model"]


def test_a_pinned_base_image_of_another_registry_has_its_digest() -> None:
    origin = exported()
    origin.params["export"]["base_image"] = f"example.com/a/b:1@sha256:{'5' * 64}"
    found = materials(slsa_statement(IMAGE, origin))["base image"]
    assert found["digest"] == {"sha256": "5" * 64}
    assert found["uri"] == "pkg:docker/a/b@1?repository_url=example.com"
    origin.params["export"]["base_image"] = f"sha256:{'5' * 64}"
    found = materials(slsa_statement(IMAGE, origin))["base image"]
    assert found == {"name": "base image", "uri": f"docker:sha256:{'5' * 64}"}


def test_times_are_utc_and_begin_with_the_first_stage() -> None:
    details = slsa_statement(IMAGE, exported())["predicate"]["runDetails"]
    assert details["metadata"]["startedOn"] == "2026-11-25T09:30:00Z"
    assert details["metadata"]["finishedOn"] == "2026-11-25T10:00:00Z"
    alone = slsa_statement(IMAGE, exported(artefacts=[]))["predicate"]["runDetails"]
    assert alone["metadata"]["startedOn"] == "2026-11-25T10:00:00Z"


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (None, []),
        ({"sha256": "7" * 64, "base64": ""}, [{"name": "patch", "digest": {"sha256": "7" * 64}}]),
    ],
)
def test_the_patch_of_a_dirty_tree_is_a_byproduct(patch: dict | None, expected: list) -> None:
    statement = slsa_statement(IMAGE, exported(patch=patch))
    assert statement["predicate"]["runDetails"]["byproducts"] == expected


def test_a_bill_of_materials_is_a_predicate() -> None:
    statement = sbom_statement(IMAGE, b'{"bomFormat": "CycloneDX"}')
    assert statement["predicateType"] == "https://cyclonedx.org/bom"
    assert statement["predicate"] == {"bomFormat": "CycloneDX"}
    backwards = dict(reversed(statement.items()))
    assert serialised(backwards) == serialised(statement)
