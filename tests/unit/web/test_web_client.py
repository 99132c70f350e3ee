"""How the client of the endpoint fails."""

from __future__ import annotations

import json
import socket
import time

import pytest
from werkzeug import Response

from issuesum.errors import ParamsError
from issuesum.web.client import Endpoint, EndpointError
from seldon_stub import SeldonStub, refusal


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:9000", "ftp://host", "file:///etc/passwd", "http://", "http://host:many",
        "http://host:0", "http://host?a=b", "http://host/#a", "http://[::1", "",
    ],
)  # fmt: skip
def test_an_endpoint_is_an_http_url(url: str) -> None:
    with pytest.raises(ParamsError, match=r"--endpoint must be .* Received: .* Try: "):
        Endpoint(url, timeout=1)


def test_credentials_in_an_endpoint_are_refused_and_not_shown() -> None:
    with pytest.raises(ParamsError) as refused:
        Endpoint("https://ann:secret@host", timeout=1)
    assert "secret" not in str(refused.value)


def test_a_path_in_front_is_kept() -> None:
    assert Endpoint("https://host/seldon/ns/name/", timeout=1).url == "https://host/seldon/ns/name"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(EndpointError, match=r"Received: Connection refused\. Try: ") as failed:
        Endpoint(f"http://127.0.0.1:{port}", timeout=5).lineage()
    assert failed.value.status == 502


def test_a_server_that_says_nothing_is_given_up() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(EndpointError, match=r"within 0\.2 s") as failed,
    ):
        Endpoint(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2).lineage()
    assert failed.value.status == 504


def test_a_server_that_drips_is_given_up(stub: SeldonStub) -> None:
    def drip():
        for _ in range(100):
            time.sleep(0.05)
            yield b" "

    stub.override = lambda _: Response(drip(), mimetype="application/json")
    began = time.monotonic()
    with pytest.raises(EndpointError, match=r"within 0\.3 s"):
        Endpoint(stub.url, timeout=0.3).lineage()
    assert time.monotonic() - began < 3


def test_an_answer_without_end_is_given_up(stub: SeldonStub) -> None:
    stub.override = lambda _: Response(b" " * (2**22 + 1), mimetype="application/json")
    with pytest.raises(EndpointError, match=r"more than 4,194,304 bytes"):
        Endpoint(stub.url, timeout=20).lineage()


def _answer(**title: object) -> str:
    whole = {"title": "a", "score": -1.0, "words": []} | title
    return json.dumps({"jsonData": {"titles": [whole]}})


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("<html>", "the whole: Invalid JSON"),
        ('{"data": {"ndarray": ["a"]}}', "jsonData: Field required"),
        ('{"jsonData": {"titles": []}}', "jsonData.titles: List should have at least 1"),
        (_answer(score=float("-inf")), "score: Input should be a finite number"),
        (_answer(words=[{"word": "a", "copied": True, "span": [0]}]), "span"),
    ],
)
def test_what_is_no_answer_of_ours_is_refused(content: str, place: str, stub: SeldonStub) -> None:
    stub.override = lambda _: Response(content, mimetype="application/json")
    with pytest.raises(EndpointError, match=place):
        Endpoint(stub.url, timeout=20).titles("the app", 3)


def test_no_score_and_more_fields_are_fine(stub: SeldonStub) -> None:
    content = _answer(score=None, language="en")
    stub.override = lambda _: Response(content, mimetype="application/json")
    (title,) = Endpoint(stub.url, timeout=20).titles("the app", 3).data.titles
    assert (title.title, title.score) == ("a", None)


def test_a_server_error_is_not_blamed_on_the_body(stub: SeldonStub) -> None:
    stub.override = lambda _: refusal("the model is not loaded yet", 503)
    with pytest.raises(EndpointError, match="HTTP 503, the model is not loaded yet") as failed:
        Endpoint(stub.url, timeout=20).titles("the app", 3)
    assert failed.value.status == 502
