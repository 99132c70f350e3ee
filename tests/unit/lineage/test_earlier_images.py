"""An image that was pushed before the packages moved is still read, verified and led back.

tests/fixtures/earlier_image holds what the code of then wrote: /app/provenance.json, the labels
and the SLSA statement.
"""

from __future__ import annotations

import json

from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.artefacts import artefacts_of
from issuesum.lineage.provenance.model import Exported, Provenance
from issuesum.lineage.provenance.trace import Image, Trace, completed
from issuesum.lineage.reporting.provenance_page import text_of
from issuesum.registry.labels import labels_of
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.statement import slsa_statement
from projects import ROOT

FOLDER = ROOT / "tests/fixtures/earlier_image"
CONTENT = (FOLDER / "provenance.json").read_bytes()
VALUES = json.loads(CONTENT)
IMAGE = Reference.parse(VALUES["image"]).at(f"sha256:{'ab' * 32}")


def test_all_that_it_says_is_read_and_written_again() -> None:
    found = Exported.parse(CONTENT, str(IMAGE))
    assert json.loads(found.to_json()) == VALUES
    assert (found.git, found.dvc) == (VALUES["commit"][:12], VALUES["hashes"]["bundle"][:12])


def test_its_labels_and_its_attestation_are_those_that_are_made_of_it_now() -> None:
    assert labels_of(CONTENT) == json.loads((FOLDER / "labels.json").read_text())
    statement = slsa_statement(IMAGE, Exported.parse(CONTENT, str(IMAGE)))
    assert statement == json.loads((FOLDER / "slsa.json").read_text())


def test_its_lock_gives_the_artefacts_that_it_lists() -> None:
    lock = Lock.parse(VALUES["lock"])
    recorded = artefacts_of(lock, bundle=VALUES["hashes"]["bundle"])
    listed = Provenance.parse(CONTENT, str(IMAGE)).artefacts
    assert [(item.name, item.path, item.md5, item.size) for item in recorded] == [
        (item.name, item.path, item.md5, item.size) for item in listed or ()
    ]
    assert lock.md5("serving/bundle") == VALUES["hashes"]["bundle"]


def test_it_is_shown_as_a_tree() -> None:
    image = Image(str(IMAGE), str(IMAGE.digest), 7, {})
    text = text_of(Trace(completed(Provenance.parse(CONTENT, str(IMAGE))), image))
    for name in ("bundle", "model", "features", "split", "raw data", "ROUGE-L", "4,000 rows"):
        assert name in text
    assert VALUES["hashes"]["raw"][:12] in text
