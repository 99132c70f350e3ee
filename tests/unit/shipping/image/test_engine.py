"""An engine that is away, or that refuses, is one line and never a traceback of its library."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from docker.errors import APIError, DockerException
from requests.exceptions import ReadTimeout

from issuesum.errors import EngineError, GateError
from issuesum.shipping.image import engine as module
from issuesum.shipping.image.engine import NoEngineError, engine


class Client:
    """One that answers, and remembers whether it was closed."""

    closed = False

    def __init__(self) -> None:
        self.api = SimpleNamespace()

    def ping(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """Have Docker's library give this client."""
    made = Client()
    monkeypatch.setattr(module.docker, "from_env", lambda **_: made)
    return made


def test_where_none_answers_the_error_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(**_: object) -> Client:
        raise DockerException("Error while fetching server API version:\n no such file")

    monkeypatch.setattr(module.docker, "from_env", absent)
    words = r"Received: Error .* version: no such file\. Try: tools/services up"
    with pytest.raises(NoEngineError, match=words), engine():
        pass


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (APIError("x", explanation="no space left\n on device"), "no space left on device"),
        (ReadTimeout("read timed out"), "read timed out"),
    ],
)
def test_a_refusal_is_reported_in_the_words_of_the_engine(
    client: Client, refusal: Exception, words: str
) -> None:
    with pytest.raises(EngineError, match=rf"Received: {words}\. Try: docker info"), engine():
        raise refusal
    assert client.closed


def test_an_error_of_ours_passes_as_it_is(client: Client) -> None:
    refusal = GateError("too low")
    with pytest.raises(GateError) as raised, engine():
        raise refusal
    assert raised.value is refusal
    assert client.closed
