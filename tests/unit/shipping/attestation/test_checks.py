"""Checks of what is attached, each with one thing wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from attestations import DISTRIBUTIONS, exported, write_keys
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.attachments import SBOM, Attached
from issuesum.shipping.attestation.sbom import Distribution, make_sbom
from issuesum.shipping.attestation.statement import (
    CYCLONEDX,
    SLSA,
    opened,
    sbom_statement,
    sealed,
    serialised,
    signing_key,
    slsa_statement,
)
from issuesum.shipping.attestation.verification import (
    public_keys,
    wrong_provenance,
    wrong_sbom,
    wrong_signature,
)

IMAGE = Reference.parse(f"localhost:5000/titles@sha256:{'c' * 64}")
OTHER = IMAGE.at(f"sha256:{'d' * 64}")
CONTENT = make_sbom(IMAGE, exported(), DISTRIBUTIONS)


def bill(content: bytes = CONTENT) -> Attached:
    return Attached("bill", SBOM, content, json.loads(content))


def statement(image: Reference = IMAGE, **changes: object) -> Attached:
    value = slsa_statement(image, exported(**changes))
    return Attached("slsa", SLSA, b"", value)


def signed(one: Attached, patch: pytest.MonkeyPatch, key: Path) -> Attached:
    patch.setenv("ISSUESUM_SIGNING_KEY", str(key))
    signer = signing_key()
    assert signer
    return replace(one, envelope=opened(sealed(serialised(one.value), signer)))


@pytest.mark.parametrize(
    ("held", "wrong"),
    [
        ([], "no SLSA statement is attached"),
        ([statement()], None),
        ([statement(), statement(OTHER)], "slsa is about another image"),
        ([statement(dirty=True)], "in predicate.buildDefinition.externalParameters.dirty"),
        ([statement(remote=None)], "resolvedDependencies[raw].downloadLocation"),
        ([statement(requirements=None)], "predicate.buildDefinition.resolvedDependencies"),
        ([replace(statement(), value={"subject": 3})], "slsa is about another image: 3"),
    ],
)
def test_provenance(held: list[Attached], wrong: str | None) -> None:
    found = wrong_provenance(held, IMAGE, exported())
    assert found == wrong if wrong is None else wrong in str(found)


@pytest.mark.parametrize(
    ("listed", "wrong"),
    [
        (None, None),
        (DISTRIBUTIONS, None),
        (DISTRIBUTIONS[:1], "numpy 1.26.4 is not installed"),
        ([*DISTRIBUTIONS, Distribution("six", "1")], "six 1 is not listed"),
    ],
)
def test_components(listed: list[Distribution] | None, wrong: str | None) -> None:
    found = wrong_sbom([bill()], IMAGE, listed)
    assert found == wrong if wrong is None else wrong in str(found)


def test_bills() -> None:
    assert wrong_sbom([statement()], IMAGE, None) == "no SBOM is attached to this image"
    assert "is about another image: sha256:ccc" in str(wrong_sbom([bill()], OTHER, None))
    assert "is about another image: None" in str(wrong_sbom([bill(b"{}")], IMAGE, None))
    about = Attached("inside", CYCLONEDX, b"", sbom_statement(IMAGE, CONTENT))
    assert wrong_sbom([about, bill()], IMAGE, None) is None
    elsewhere = replace(about, value=sbom_statement(OTHER, CONTENT))
    assert "inside is about another image" in str(wrong_sbom([elsewhere, bill()], IMAGE, None))
    fewer = make_sbom(IMAGE, exported(), DISTRIBUTIONS[:1])
    unlike = replace(about, value=sbom_statement(IMAGE, fewer))
    assert wrong_sbom([unlike, bill()], IMAGE, None) == (
        "inside signs another SBOM than the one attached"
    )
    headless = {"metadata": {"component": {"version": IMAGE.digest}}}
    lost = bill(json.dumps(headless).encode())
    assert "it has no components" in str(wrong_sbom([lost], IMAGE, DISTRIBUTIONS))


def test_everything_is_signed_by_a_key_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = write_keys(tmp_path, "a")
    others, _ = write_keys(tmp_path, "b")
    keys = public_keys([public])
    inside = Attached("inside", CYCLONEDX, b"", sbom_statement(IMAGE, CONTENT))
    both = [signed(one, monkeypatch, private) for one in (statement(), inside)]
    assert wrong_signature([*both, bill()], keys) is None
    assert wrong_signature([], keys) == "nothing is signed"
    assert wrong_signature([*both, statement()], keys) == "slsa is not signed"
    forged = signed(statement(), monkeypatch, others)
    assert wrong_signature([*both, forged], keys) == "slsa is signed by none of the keys given"
    assert wrong_signature([both[0], bill()], keys) == ("no key given signs the SBOM bill")
