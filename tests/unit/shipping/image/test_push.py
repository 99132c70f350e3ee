"""Which faults of a push are tried again, and for how long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from issuesum.errors import RegistryError
from issuesum.registry import client
from issuesum.registry.canonical import CanonicalImage, layer_of_files, push
from issuesum.registry.client import PassingError, Registry
from issuesum.registry.reference import Reference
from registry_stub import Answer, Asked, serve

FAULT = "503 Service Unavailable: busy"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long each pause would have been."""
    now, seen = [0.0], []

    def sleep(seconds: float) -> None:
        seen.append(seconds)
        now[0] += seconds

    clock = SimpleNamespace(sleep=sleep, monotonic=lambda: now[0])
    monkeypatch.setattr(client, "time", clock)
    assert time.sleep is not sleep
    return seen


@pytest.fixture
def image(tmp_path: Path) -> CanonicalImage:
    layers = [layer_of_files({name: b"x"}, tmp_path / name, "") for name in "ab"]
    return CanonicalImage({"os": "linux"}, {}, tuple(layers))


@contextmanager
def registry(
    patience: float, *answers: Answer
) -> Iterator[tuple[Registry, Reference, list[Asked]]]:
    """Give a registry without anything that gives these answers to uploads, and then takes all."""
    left = list(answers)

    def script(asked: Asked) -> Answer:
        if asked.method == "HEAD":
            return Answer(404)
        if asked.method == "POST":
            return Answer(202, headers={"Location": "/v2/name/blobs/uploads/1?state=x"})
        if "uploads" in asked.path and left:
            return left.pop(0)
        return Answer(201)

    with serve(script) as (host, seen):
        yield Registry(host, patience), Reference(host, "name", "tag"), seen


def test_what_may_pass_is_tried_again_after_longer_pauses(
    image: CanonicalImage, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    faults = [Answer(503, b"busy"), Answer(503, b"busy")]
    with registry(60, *faults) as (there, name, seen):
        push(there, name, image)
    assert pauses == [0.5, 1]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"registry: {FAULT}; again in {pause:g} s" for pause in pauses]
    assert image.layers[0].path
    packed = image.layers[0].path.read_bytes()  # an upload that was cut off is begun again, whole
    first = [asked.content for asked in seen if asked.method == "PUT"][:3]
    assert first == [packed] * 3
    assert sum(asked.method == "POST" for asked in seen) == 5  # two layers, the config, two faults
    assert (seen[-1].path, seen[-1].content) == ("/v2/name/manifests/tag", image.manifest)


@pytest.mark.parametrize(
    "answer", [Answer(403, b"denied"), Answer(401, b"unauthorized"), Answer(400, b"DIGEST_INVALID")]
)
def test_what_stays_is_not_tried_again(
    answer: Answer, image: CanonicalImage, pauses: list[float]
) -> None:
    with (
        registry(60, answer) as (there, name, seen),
        pytest.raises(RegistryError, match=answer.content.decode()),
    ):
        push(there, name, image)
    assert sum(asked.method == "PUT" for asked in seen) == 1
    assert pauses == []


def test_it_ends_after_the_time_that_was_given(image: CanonicalImage, pauses: list[float]) -> None:
    with (
        registry(10, *[Answer(503, b"busy")] * 9) as (there, name, _),
        pytest.raises(RegistryError, match=f"Received: {FAULT}"),
    ):
        push(there, name, image)
    assert pauses == [0.5, 1, 2, 4, 8]


def test_a_layer_that_gets_through_begins_the_count_again(
    image: CanonicalImage, pauses: list[float]
) -> None:
    faults = [Answer(503, b"busy"), Answer(201)] * 2
    with registry(0.6, *faults) as (there, name, _):
        push(there, name, image)
    assert pauses == [0.5] * 2


def test_a_temporary_fault_is_not_a_refusal() -> None:
    with (
        registry(0, Answer(503, b"busy")) as (there, name, _),
        pytest.raises(PassingError) as failed,
    ):
        there.upload(name, b"x", "sha256:1")
    assert failed.value.received == FAULT


def test_what_is_there_is_not_sent(image: CanonicalImage) -> None:
    with serve(lambda _: Answer(200)) as (host, seen):
        push(Registry(host), Reference(host, "name", "tag"), image)
    assert [asked.path for asked in seen if asked.method != "HEAD"] == ["/v2/name/manifests/tag"]
