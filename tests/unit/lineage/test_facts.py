"""The words of a trace: each thing by itself, and the whole text for one image."""

from __future__ import annotations

import base64
from typing import Any

import pytest

import provenances
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance.model import Artefact
from issuesum.lineage.provenance.trace import Image, Trace
from issuesum.lineage.reporting import provenance_page as facts
from issuesum.lineage.reporting.provenance_page import text_of
from issuesum.training.evaluation.baselines import method_titles
from issuesum.training.evaluation.metrics import metric_titles

DIGEST = "sha256:" + "ab" * 32


def traced(**changes: Any) -> Trace:
    image = Image(f"registry.example.com/name@{DIGEST}", DIGEST, 141_900_000, {}, ("label a is b",))
    return Trace(provenances.read(provenances.dirty(**changes)), image)


def fact(**item: Any) -> tuple[str, ...]:
    """Return measure, making, when and who."""
    bundle = Trace(provenances.read({"artefacts": [{"name": "model", **item}]}), None)
    (found,) = facts.steps_of(bundle)
    return facts.card_of(found).lines


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({"gate": {"passed": True, "reasons": []}}, "passed"),
        ({"gate": {"passed": True, "reasons": None}}, "passed"),
        ({"gate": {"passed": False, "reasons": ["too low", 5]}}, "failed: too low; 5"),
        ({"gate": {"reasons": ["too low"]}}, "unknown"),
        ({"gate": "passed"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_verdict_of_the_gate_has_its_reasons(metrics: dict[str, Any], expected: str) -> None:
    assert str(Metrics.read(metrics).gate or facts.UNKNOWN) == expected


def test_scores_that_are_none_are_unknown() -> None:
    metrics = {
        "neighbour": {"rouge_1": 1, "rouge_2": True, "rouge_l": "2", "bleu": 3.456},
        "model": {"rouge_l": 96.4},
        "lead": 5,
    }
    assert Metrics.read(metrics).table(method_titles(), metric_titles()) == [
        ["this model", "unknown", "unknown", "96.40", "unknown"],
        ["title of the most similar issue", "1.00", "unknown", "unknown", "3.46"],
    ]


@pytest.mark.parametrize(
    ("known", "files"),
    [
        ({"patch": None, "dirty": False}, []),
        ({"patch": None, "dirty": True}, None),
        ({"patch": None, "dirty": None}, None),
        ({"patch": {"base64": base64.b64encode(provenances.PATCH).decode()}, "dirty": True},
         ["src/a.py", "src/ü.py"]),
        ({"patch": {}, "dirty": True}, None),
        ({"patch": {"base64": "x"}, "dirty": True}, None),
    ],
)  # fmt: skip
def test_files_of_a_patch_are_listed_as_far_as_they_are_known(
    known: dict[str, Any], files: list[str] | None
) -> None:
    assert facts.dirty_files(provenances.read(known)) == files


@pytest.mark.parametrize(
    ("values", "expected"),
    [([12, 3], "12 → 3"), ([None, [1]], "none → [1]"), (["a", None], "a → none")],
)
def test_a_changed_param_is_shown_by_both_values(values: list, expected: str) -> None:
    assert facts.change(values) == expected


def test_everything_that_is_known_of_an_artefact_is_shown() -> None:
    nothing = facts.card_of(Artefact(name="model"))
    assert (nothing.title, nothing.digits, nothing.lines) == ("model", "unknown", ("",) * 4)
    md5 = "b7cde7b7ad5818a2f4f5e1806cf55f86.dir"
    assert facts.card_of(Artefact(name="model", md5=md5)).digits == "b7cde7b7ad58"
    whole = fact(
        size=5_900_000, nfiles=2_000, stage="train",
        seconds=250.0, device="cpu", user="Ada", host="box", started="2026-11-25T14:09:45+01:00",
    )  # fmt: skip
    assert whole == (
        "5.9 MB, 2,000 files", "train, 4 min 10 s, cpu", "2026-11-25 13:09 UTC", "Ada @ box"
    )  # fmt: skip
    assert fact(rows=4_000, nfiles=2)[0] == "4,000 rows"
    assert fact(started="2026-11-25T13:09:45")[2] == "2026-11-25 13:09 UTC"
    assert (fact(host="box")[3], fact(device="gpu")[1]) == ("box", "gpu")


def test_an_image_comes_before_what_it_was_made_from() -> None:
    first, *others = facts.steps_of(traced())
    assert (first.name, first.md5) == ("image", DIGEST)
    card = facts.card_of(first)
    assert card.lines == ("141.9 MB", "export", "2026-11-25 13:14 UTC", "Ada Lovelace")
    assert card.digits == "ab" * 6
    assert [other.name for other in others] == ["bundle", "model", "features", "split", "raw"]
    assert facts.card_of(facts.steps_of(traced(user=None))[0]).lines[3] == ""


def test_the_whole_text_is_aligned() -> None:
    text = text_of(traced(artefacts=[{"name": "raw", "md5": "0" * 32, "size": 5},
                                     {"name": "other", "md5": "1" * 32, "stage": "x", "rows": 7,
                                      "host": "box", "started": "2026-11-25T13:09:45+00:00"}],
                          remote={"url": "s3://issuesum/dvc"}))  # fmt: skip
    assert (
        text
        == f"""\
registry.example.com/name:{provenances.TAG}
registry.example.com/name@{DIGEST}

image                  abababababab  141.9 MB  export  2026-11-25 13:14 UTC  Ada Lovelace
└─ other               111111111111  7 rows    x       2026-11-25 13:09 UTC  box
   └─ raw data         000000000000  5 B

commit    {provenances.COMMIT}
          Train on the issues of November
          Ada Lovelace <ada@example.com>, 2026-11-25T12:00:00+00:00, https://git.example.com/titles.git
remote    s3://issuesum/dvc
patch     src/a.py
          src/ü.py
params    train.epochs: 12 → 3
          build.decoding.beam_width: 4 → none
metrics                                     ROUGE-1  ROUGE-2  ROUGE-L     BLEU
          this model                          96.40    95.40    96.40    96.10
          first words of the body              4.70     0.30     4.40     0.10
          title of the most similar issue     28.40    19.60    28.20    16.40
gate      passed
tools     dvc 3.67.1, keras 3.15.1
warning   label a is b
"""
    )


def test_what_is_not_known_is_shown_as_unknown() -> None:
    assert (
        text_of(Trace(provenances.read({}), None))
        == """\

commit    unknown
          message unknown
          author unknown
remote    unknown
patch     unknown
params    unknown which differ from the defaults
metrics   unknown
tools     unknown
"""
    )
    bundle = provenances.read(
        {"changed_params": {}, "dirty": False, "tools": {}, "remote": {"a": 1}}
    )
    text = text_of(Trace(bundle, None))
    assert "remote    unknown\npatch     none: the tree was clean\nparams    all as by" in text
    assert text.endswith("tools     unknown\n")
