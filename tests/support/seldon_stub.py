"""A real HTTP server that speaks the component's contract over a toy bundle."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from werkzeug import Request, Response
from werkzeug.serving import BaseWSGIServer, make_server

from issuesum.serving.inference.title import Title, Word
from issuesum.serving.inference.writer import TitleWriter
from toy_bundle import write_bundle

TAGS = {"image": "localhost:5000/issuesummarization:aaa-bbb", "git": "aaa", "dvc": "bbb"}
Write = Callable[[str, int], list[Title]]


class SeldonStub:
    """Answers as the component does, and keeps the feedback that arrives."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.url = ""
        self.feedback: list[dict] = []
        self.override: Callable[[Request], Response] | None = None

    def __call__(self, environ: dict, start_response: Callable) -> object:
        request = Request(environ)
        return (self.override or self._answer)(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path == "/metadata":
            meta = {"name": "IssueSummarization", "versions": [TAGS["image"]]}
            return _json({**meta, "custom": {"git": "aaa", "dvc": "bbb", "io.issuesum.git": "aaa"}})
        if request.path == "/api/v1.0/feedback":
            self.feedback.append(request.get_json())
            return _json({"meta": {}})
        wish = request.get_json()["jsonData"]
        if not wish["body"].strip():
            return refusal("body must hold text")
        titles = self.write(wish["body"], wish["alternatives"])
        return _json(
            {"jsonData": {"titles": list(map(_title, titles))}, "meta": {"tags": TAGS}},
        )


def refusal(info: str, code: int = 400) -> Response:
    return _json({"status": {"info": info, "code": -1, "status": 1}}, code)


def toy_write(folder: Path) -> Write:
    writer = TitleWriter(write_bundle(folder, seed=2), threads=1)
    return lambda body, alternatives: writer.write([body], alternatives=alternatives)[0]


def said(*texts: str) -> Write:
    """Give the same titles to every body, their first word copied from its beginning."""

    def write(body: str, alternatives: int) -> list[Title]:
        first = body.split(maxsplit=1)[0]
        word = Word(first.lower(), copied=True, span=(0, len(first)))
        return [
            Title(text, -1.0 - place, (word,)) for place, text in enumerate(texts[:alternatives])
        ]

    return write


def _title(title: Title) -> dict:
    return {
        "title": title.text,
        "score": title.score if math.isfinite(title.score) else None,
        "words": [{"word": w.word, "copied": w.copied, "span": w.span} for w in title.words],
    }


def _json(content: object, code: int = 200) -> Response:
    return Response(json.dumps(content), code, mimetype="application/json")


@contextmanager
def running(app: Callable) -> Iterator[str]:
    """Serve a WSGI application in a thread and give its URL."""
    with served(make_server("127.0.0.1", 0, app, threaded=True)) as url:
        yield url


@contextmanager
def served(server: BaseWSGIServer) -> Iterator[str]:
    """Let a server answer in a thread and give its URL."""
    thread = threading.Thread(target=lambda: server.serve_forever(0.05))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
