"""Which faults of a push are tried again, and for how long."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from issuesum.errors import RegistryError
from issuesum.registry.reference import Reference
from issuesum.shipping.image.engine import push

IMAGE = Reference("localhost:9", "name", "tag")
DONE = [{"id": "a", "status": "Pushed"}, {"aux": {"Digest": "sha256:ab"}}]


class Engine:
    """Answers each push by the next list."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self.asked = 0
        self._answers = answers
        self.api = SimpleNamespace(push=self._push)

    def _push(self, repository: str, **options: Any) -> list[dict[str, Any]]:
        assert (repository, options["tag"]) == ("localhost:9/name", "tag")
        self.asked += 1
        return self._answers[min(self.asked, len(self._answers)) - 1]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long each pause would have been."""
    now, seen = [0.0], []

    def sleep(seconds: float) -> None:
        seen.append(seconds)
        now[0] += seconds

    clock = SimpleNamespace(sleep=sleep, monotonic=lambda: now[0])
    monkeypatch.setattr("issuesum.shipping.image.engine.time", clock)
    assert time.sleep is not sleep
    return seen


@pytest.mark.parametrize(
    "reason",
    [
        "Get http://localhost:9/v2/: dial tcp 127.0.0.1:9: connect: connection refused",
        "read tcp 127.0.0.1:1->127.0.0.1:9: read: connection reset by peer",
        "received unexpected HTTP status: 503 Service Unavailable",
        "unexpected EOF",
        "net/http: TLS handshake timeout",
        "Client.Timeout exceeded while awaiting headers",
        "dial tcp: lookup registry: Temporary failure in name resolution",
    ],
)
def test_what_may_pass_is_tried_again_after_longer_pauses(
    reason: str, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    client = Engine([{"error": reason}], [{"error": reason}], DONE)
    assert push(client, IMAGE, patience=60) == "sha256:ab"
    assert pauses == [0.5, 1]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"push: {reason}; again in {pause:g} s" for pause in pauses]


@pytest.mark.parametrize(
    "reason",
    [
        "denied: requested access to the resource is denied",
        "unauthorized: authentication required",
        "no basic auth credentials",
        "blob upload invalid",
    ],
)
def test_what_stays_is_not_tried_again(reason: str, pauses: list[float]) -> None:
    client = Engine([{"error": reason}])
    with pytest.raises(RegistryError, match=reason.split(maxsplit=1)[0]):
        push(client, IMAGE, patience=60)
    assert (client.asked, pauses) == (1, [])


def test_it_ends_after_the_time_that_was_given(pauses: list[float]) -> None:
    client = Engine([{"error": "EOF"}])
    with pytest.raises(RegistryError, match="no success in 10 s: EOF"):
        push(client, IMAGE, patience=10)
    assert pauses == [0.5, 1, 2, 4, 8]


def test_a_layer_that_gets_through_begins_the_count_anew(pauses: list[float]) -> None:
    client = Engine(*[[{"id": "a", "status": "Pushed"}, {"error": "EOF"}]] * 20, DONE)
    assert push(client, IMAGE, patience=1) == "sha256:ab"
    assert pauses == [0.5] * 20


def test_what_the_engine_tries_itself_is_told_once_and_bounded_too(
    pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = [{"id": "a", "status": f"Retrying in {left} seconds"} for left in (2, 1)]
    assert push(Engine([*waiting, *DONE]), IMAGE, patience=60) == "sha256:ab"
    said = capsys.readouterr().err
    assert said == "push: layer a was cut off; retrying in 2 seconds\n"
    assert pauses == []
    with pytest.raises(RegistryError, match="no success in 0 s"):
        push(Engine(waiting), IMAGE, patience=0)
