"""Names of images, as people write them."""

from __future__ import annotations

import pytest

from issuesum.errors import ParamsError
from issuesum.registry.reference import Reference

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:5000/titles:1-a", Reference("localhost:5000", "titles", "1-a")),
        ("localhost/titles", Reference("localhost", "titles")),
        (f"ghcr.io/team/titles@{DIGEST}", Reference("ghcr.io", "team/titles", None, DIGEST)),
        (f"r.io/a/b/c:v1@{DIGEST}", Reference("r.io", "a/b/c", "v1", DIGEST)),
        ("team/titles:v1", Reference("docker.io", "team/titles", "v1")),
        ("python:3.12", Reference("docker.io", "library/python", "3.12")),
    ],
)
def test_it_reads_what_docker_pull_takes(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected
    assert Reference.parse(str(expected)) == expected


def test_the_digest_goes_before_the_tag() -> None:
    both = Reference.parse(f"r.io/a:v1@{DIGEST}")
    assert (both.version, both.repository) == (DIGEST, "r.io/a")
    assert Reference.parse("r.io/a:v1").version == "v1"
    assert Reference.parse("r.io/a").version == "latest"
    assert str(Reference.parse("r.io/a:v1").at(DIGEST)) == f"r.io/a@{DIGEST}"


@pytest.mark.parametrize(
    "text",
    ["", "r.io/", "r.io/UPPER:v1", "r.io/a@sha256:12", "r.io/a b", "http://r.io/a", "r.io/a:"],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(ParamsError, match="must be host") as refused:
        Reference.parse(text)
    assert repr(text) in str(refused.value)
