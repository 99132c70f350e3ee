"""Attestations in the real registry: attached once, found again, and every forgery is named."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
from click.testing import CliRunner, Result

from attestations import DISTRIBUTIONS, build, provenance, push, write_keys
from images import BASE
from issuesum.cli.verify import command
from issuesum.errors import VerificationError
from issuesum.lineage.provenance.model import Exported
from issuesum.lineage.receipt import Receipt
from issuesum.registry.client import Artifact, Registry
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.attachments import ENVELOPE, SBOM, attached, attest
from issuesum.shipping.attestation.sbom import Distribution, installed, make_sbom
from issuesum.shipping.attestation.statement import (
    IN_TOTO,
    sealed,
    serialised,
    signing_key,
    slsa_statement,
)

pytestmark = pytest.mark.e2e


class Ship:
    """A repository of its own in the registry."""

    def __init__(self, host: str, folder: Path) -> None:
        self.repository = f"{host}/attest-{uuid.uuid4().hex[:8]}"
        self.registry = Registry(host)
        self.folder = folder / "attestations"
        self.private, self.public = write_keys(folder, "ours")
        self.others, self.other = write_keys(folder, "others")

    def origin(self, number: int = 1) -> dict[str, Any]:
        return provenance(self.repository, commit=str(number) * 40)

    def push(self, origin: dict[str, Any], *, tag: str = "", **options: Any) -> Reference:
        return push(Reference.parse(tag or origin["image"]), origin, **options)

    def attest(self, image: Reference, origin: dict[str, Any], **options: Any) -> None:
        given = {"distributions": lambda: DISTRIBUTIONS, "folder": self.folder, "key": None}
        attest(self.registry, image, read(origin), **{**given, **options})


@pytest.fixture
def ship(services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ship:
    monkeypatch.chdir(tmp_path)
    for name in ("ISSUESUM_SIGNING_KEY", "ISSUESUM_VERIFY_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Ship(services.registry, tmp_path)


def read(origin: dict[str, Any]) -> Exported:
    return Exported.model_validate(origin)


def verify(*arguments: object) -> tuple[Result, dict[str, str]]:
    """Return what the command did, and what is wrong by the name of the check."""
    nowhere = {} if "--deep" in arguments else {"DOCKER_HOST": "tcp://127.0.0.1:1"}
    done = CliRunner().invoke(command, ["--json", *map(str, arguments)], env=nowhere)
    document = json.loads(done.stdout)
    failed = {
        item["name"]: item["detail"] for item in document["checks"] if item["state"] == "failed"
    }
    assert document["verified"] == (not failed) == (done.exit_code == 0)
    if failed:
        assert isinstance(done.exception, VerificationError)
        assert f"({', '.join(failed)})" in str(done.exception)
    return done, failed


def states(done: Result) -> dict[str, str]:
    return {item["name"]: item["state"] for item in json.loads(done.stdout)["checks"]}


def test_what_is_attested_verifies_and_is_attested_once(
    ship: Ship, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISSUESUM_SIGNING_KEY", str(ship.private))
    origin = ship.origin()
    image = ship.push(origin)
    ship.attest(image, origin, key=signing_key())
    first = {path.name: path.read_bytes() for path in ship.folder.iterdir()}
    assert set(first) == {"slsa.json", "sbom.json", "sbom.dsse.json"}
    types = sorted(item["artifactType"] for item in ship.registry.referrers(image))
    assert types == [SBOM, ENVELOPE, ENVELOPE]

    # Another machine, without the key and without a container: nothing is added, all is fetched.
    elsewhere = ship.folder.parent / "elsewhere"
    ship.attest(image, origin, folder=elsewhere, distributions=lambda: pytest.fail("asked"))
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == first
    assert len(ship.registry.referrers(image)) == len(types)

    done, failed = verify(origin["image"], "--key", ship.public)
    assert failed == {}
    assert states(done) == {
        **dict.fromkeys(
            ("digest", "labels", "tag", "attestations", "slsa", "sbom", "signatures"), "ok"
        ),
        **dict.fromkeys(("receipt", "commit"), "not checked"),
    }
    plain = CliRunner().invoke(command, [str(image)])
    assert plain.exit_code == 0
    assert "-       signatures    not checked: no public key" in plain.stdout

    _, failed = verify(image, "--key", ship.other)
    assert set(failed) == {"signatures"}
    assert "signed by none of the keys given" in failed["signatures"]


def test_a_run_that_was_cut_off_is_completed(ship: Ship, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = ship.origin()
    image = ship.push(origin)
    dated = {"org.opencontainers.image.created": origin["created"]}
    sbom = make_sbom(image, read(origin), DISTRIBUTIONS)
    ship.registry.attach(image, Artifact(sbom, SBOM, dated))
    ship.attest(image, origin)
    assert {path.name for path in ship.folder.iterdir()} == {"slsa.json", "sbom.json"}
    assert sorted(one.kind for one in attached(ship.registry, image)) == [
        SBOM,
        "https://slsa.dev/provenance/v1",
    ]
    _, failed = verify(image)
    assert failed == {}
    monkeypatch.setenv("ISSUESUM_VERIFY_KEY", str(ship.public))
    _, failed = verify(image)
    assert set(failed) == {"signatures"}


def test_another_image_under_the_tag_is_found(ship: Ship, tmp_path: Path) -> None:
    origin, other = ship.origin(1), ship.origin(2)
    image = ship.push(origin)
    receipt = tmp_path / "image.json"
    Receipt(origin["image"], str(image.digest), origin["git"], origin["dvc"]).save(receipt)
    ship.attest(image, origin)
    done, failed = verify(receipt)
    assert (failed, states(done)["receipt"]) == ({}, "ok")

    moved = push(Reference.parse(origin["image"]), other)
    ship.attest(moved, other)
    _, failed = verify(origin["image"])
    assert failed == {"tag": f"{'1' * 12}-{'b' * 12} holds the image {'2' * 12}-{'b' * 12}"}
    _, failed = verify(receipt)
    assert failed == {"receipt": f"{origin['image']} is now {moved.digest}, not {image.digest}"}


def test_an_altered_provenance_is_found(ship: Ship) -> None:
    origin = ship.origin()
    altered = {**origin, "params": {**origin["params"], "train": {"epochs": 4}}}
    image = ship.push(altered, labelled=origin)
    ship.attest(image, origin)
    _, failed = verify(image)
    assert set(failed) == {"labels", "slsa"}
    assert failed["labels"].startswith("io.issuesum.provenance is ")
    where = "predicate.buildDefinition.externalParameters.params.train.epochs"
    assert failed["slsa"].endswith(f"disagrees with /app/provenance.json in {where}")


def test_a_provenance_of_another_form_fails_and_does_not_break_off(ship: Ship) -> None:
    origin = ship.origin()
    image = ship.push({"commit": "x", "image": "?"}, tag=origin["image"], labelled=origin)
    _, failed = verify(image)
    assert set(failed) == {"labels", "tag", "slsa", "sbom"}
    assert failed["tag"].startswith("/app/provenance.json is not ours: ")
    assert "no dirty" in failed["tag"]


def _altered(image: Reference, origin: dict[str, Any]) -> dict[str, Any]:
    statement = slsa_statement(image, read(origin))
    statement["predicate"]["buildDefinition"]["resolvedDependencies"][1]["digest"]["md5"] = "e" * 32
    return statement


def _of_another(image: Reference, origin: dict[str, Any]) -> dict[str, Any]:
    return slsa_statement(image.at(f"sha256:{'e' * 64}"), read(origin))


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (_altered, "in predicate.buildDefinition.resolvedDependencies[raw].digest.md5"),
        (_of_another, "is about another image"),
    ],
)
def test_a_forged_statement_is_found_among_good_ones(
    ship: Ship,
    forge: Callable[[Reference, dict[str, Any]], dict[str, Any]],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ISSUESUM_SIGNING_KEY", str(ship.private))
    origin = ship.origin()
    image = ship.push(origin)
    ship.attest(image, origin, key=signing_key())
    forged = serialised(forge(image, origin))
    ship.registry.attach(image, Artifact(forged, IN_TOTO, {}))
    _, failed = verify(image, "--key", ship.public)
    assert set(failed) == {"slsa", "signatures"}
    assert reason in failed["slsa"]
    assert failed["signatures"].endswith("is not signed")


def test_an_exchanged_payload_and_a_forged_bill_are_found(
    ship: Ship, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISSUESUM_SIGNING_KEY", str(ship.private))
    key = signing_key()
    assert key
    origin = ship.origin()
    image = ship.push(origin)
    good, bad = (
        json.loads(sealed(serialised(statement), key))
        for statement in (slsa_statement(image, read(origin)), _altered(image, origin))
    )
    good["payload"] = bad["payload"]
    bill = make_sbom(image, read(origin), DISTRIBUTIONS[:1])
    ship.registry.attach(image, Artifact(bill, SBOM, {}))
    ship.registry.attach(image, Artifact(json.dumps(good).encode(), ENVELOPE, {}))
    ship.registry.attach(image, Artifact(b"[]", IN_TOTO, {}))
    _, failed = verify(image, "--key", ship.public)
    assert set(failed) == {"attestations", "slsa", "signatures"}
    assert failed["attestations"].endswith("TypeError: no JSON object")


def test_deep_looks_into_the_image(ship: Ship, engine: docker.DockerClient) -> None:
    origin = ship.origin()
    tagged = Reference.parse(origin["image"])
    build(engine, tagged, origin, BASE)
    try:
        engine.images.push(tagged.repository, tagged.tag)
        image = tagged.at(str(ship.registry.digest(tagged)))
        there = installed(str(image))
        assert "pip" in {one.name for one in there}
        ship.attest(image, origin, distributions=lambda: [*there, Distribution("left-pad", "1.0")])
        _, failed = verify(image)
        assert failed == {}
        _, failed = verify(image, "--deep")
        assert failed["sbom"].endswith("what is installed: left-pad 1.0 is not installed")
    finally:
        engine.images.remove(str(tagged), force=True)
