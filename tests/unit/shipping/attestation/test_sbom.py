"""The SBOM, against its schema."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from attestations import DISTRIBUTIONS, exported
from issuesum.errors import EngineError
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.sbom import SCRIPT, Distribution, make_sbom, read_distributions

IMAGE = Reference.parse(f"localhost:5000/titles@sha256:{'c' * 64}")


@pytest.fixture(scope="module")
def ours() -> list[Distribution]:
    """Return some of what is installed here, with licences of every form."""
    answer = subprocess.run([sys.executable, "-I", "-c", SCRIPT], capture_output=True, check=True)
    found = read_distributions(answer.stdout)
    assert "pytest" in {one.name for one in found}
    return found[::3]


def test_a_large_one_is_valid_and_the_same_each_time(ours: list[Distribution], root: Path) -> None:
    from cyclonedx.schema import SchemaVersion  # here, since it takes seconds to import
    from cyclonedx.validation.json import JsonStrictValidator

    requirements = (root / "serving/requirements.txt").read_text(encoding="utf-8")
    first, second = (
        make_sbom(IMAGE, exported(), some, requirements=requirements) for some in (ours, ours[::-1])
    )
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(first.decode()) is None
    assert first == second
    there = {(item["name"], item["version"]) for item in json.loads(first)["components"]}
    assert there == {(one.name, one.version) for one in ours}


def test_the_root_is_the_image_and_depends_on_all() -> None:
    bill = json.loads(make_sbom(IMAGE, exported(), DISTRIBUTIONS))
    root = bill["metadata"]["component"]
    assert (root["type"], root["name"], root["version"]) == (
        "container",
        "localhost:5000/titles",
        IMAGE.digest,
    )
    assert root["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]
    assert root["purl"].startswith(f"pkg:oci/titles@sha256:{'c' * 64}?")
    assert bill["metadata"]["timestamp"] == "2026-11-25T10:00:00+00:00"
    depends = {item["ref"]: item.get("dependsOn", []) for item in bill["dependencies"]}
    assert depends[IMAGE.digest] == ["pkg:pypi/flask@3.1.0", "pkg:pypi/numpy@1.26.4"]
    elsewhere = make_sbom(IMAGE.at(f"sha256:{'d' * 64}"), exported(), DISTRIBUTIONS)
    assert json.loads(elsewhere)["serialNumber"] != bill["serialNumber"]


def test_hashes_are_those_of_the_very_version() -> None:
    requirements = (
        f"flask==3.1.0 \\\n    --hash=sha256:{'1' * 64} \\\n    --hash=sha256:{'2' * 64}\n"
        f"numpy==1.26.3 ; python_version > '3' \\\n    --hash=sha256:{'3' * 64}\n"
    )
    bill = json.loads(make_sbom(IMAGE, exported(), DISTRIBUTIONS, requirements=requirements))
    flask, numpy = bill["components"]
    assert flask["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    (place,) = flask["externalReferences"]
    assert [item["content"] for item in place["hashes"]] == ["1" * 64, "2" * 64]
    assert "externalReferences" not in numpy
    assert "licenses" not in numpy


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"expression": "MIT", "text": "other"}, "MIT"),
        ({"text": " BSD "}, "BSD"),
        ({"text": "UNKNOWN"}, None),
        ({"text": "Copyright\nall of it", "classifiers": ["License :: OSI Approved :: X"]}, "X"),
        ({"text": "x" * 101, "classifiers": ["License :: OSI Approved"]}, None),
        ({"classifiers": ["License :: B", "License :: A"]}, "A, B"),
    ],
)
def test_a_licence_is_what_is_declared(declared: dict, expected: str | None) -> None:
    nothing = {"name": "a", "version": "1", "expression": None, "text": None, "classifiers": []}
    (one,) = read_distributions(json.dumps([{**nothing, **declared}]).encode())
    assert one.licence == expected


@pytest.mark.parametrize("answer", [b"", b"[1]", b'[{"name": "a"}]', b'[{"name": null}]'])
def test_another_answer_is_one_line(answer: bytes) -> None:
    with pytest.raises(EngineError, match="must list its distributions") as caught:
        read_distributions(answer)
    assert "\n" not in str(caught.value)
