"""The figures of serving: what is counted, and that a failed request ends the benchmark."""

from __future__ import annotations

import threading

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

import serving
from issuesum.errors import EngineError


@pytest.fixture
def port():
    @Request.application
    def answer(request: Request) -> Response:
        texts = request.get_json()["data"]["ndarray"]
        return Response(
            '{"error": "no"}' if "bad" in texts else "{}", 400 if "bad" in texts else 200
        )

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_answer_is_timed_whatever_the_number_of_clients(port):
    requests = [[text] for text in serving.cycled(["a", "b", "c"], 10)]
    assert [text for (text,) in requests[:4]] == ["a", "b", "c", "a"]
    for clients in (1, 3):
        seconds, span = serving.ask_all(port, requests, clients)
        assert len(seconds) == 10
        assert 0 < max(seconds) <= span


def test_a_refused_request_ends_the_benchmark(port):
    with pytest.raises(EngineError, match=r"must answer\. Received: \{'error': 'no'\}"):
        serving.ask(port, [["bad"]])


def test_tensorflow_is_weighed_from_its_packages():
    assert serving.tensorflow_size() > 500
