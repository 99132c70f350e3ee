"""The page and the four requests that it makes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from flask import Flask, Response, jsonify, render_template, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, RequestEntityTooLarge

from issuesum.training.corpus.issue import Issue
from issuesum.web.client import Endpoint, EndpointError
from issuesum.web.contract import MAX_BODY, Verdict, Wish
from issuesum.web.guard import guard
from issuesum.web.marks import segments

ALTERNATIVES = 3
"""Titles that the page asks for; the first is the one that the model would give."""
_TOO_LONG = f"The body must have at most {MAX_BODY:,} characters. Shorten it."
_SENTENCES = {
    "string_pattern_mismatch": "The body must hold words. Paste one first.",
    "string_too_long": _TOO_LONG,
}
"""What a person reads, by pydantic's type of the error."""


def create_app(
    endpoint: Endpoint, issues: Sequence[Issue], *, hosts: list[str] | None = None
) -> Flask:
    """Return the page as a WSGI application.

    Args:
        endpoint: the component that is asked.
        issues: of which one can be taken at random; without any there is no button for it.
        hosts: names under which the page may be asked for; None allows any.
    """
    app = Flask(__name__)
    guard(app, hosts)

    @app.get("/")
    def page() -> str:
        return render_template("page.html", endpoint=endpoint.url, has_issues=bool(issues))

    @app.get("/healthz")
    def health() -> dict[str, str]:
        return {"status": "ok"}  # of this server alone: the page shows how the endpoint is

    @app.get("/api/lineage")
    def lineage() -> dict[str, Any]:
        return {"lineage": _shown(endpoint.lineage())}

    @app.get("/api/issue")
    def issue() -> dict[str, str]:
        if not issues:
            raise NotFound("There are no issues here. Start issuesum web with --issues FILE.")
        found = random.choice(issues)  # noqa: S311 -- nothing to be guessed
        return found._asdict()

    @app.post("/api/titles")
    def titles() -> dict[str, Any]:
        body = _received(Wish).body
        found = endpoint.titles(body, ALTERNATIVES)
        return {
            "titles": [
                {
                    "title": title.title,
                    "score": title.score,
                    "words": [[word.word, word.copied] for word in title.words],
                    "segments": segments(body, title.words),
                }
                for title in found.data.titles
            ],
            "lineage": _shown(found.meta.tags),
        }

    @app.post("/api/feedback")
    def feedback() -> dict[str, bool]:
        endpoint.feedback(_received(Verdict))
        return {"arrived": True}

    @app.errorhandler(EndpointError)
    def endpoint_failed(error: EndpointError) -> tuple[Response, int]:
        app.logger.warning("%s", error)
        return jsonify(error=str(error)), error.status

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> tuple[Response, int]:
        said = _TOO_LONG if isinstance(error, RequestEntityTooLarge) else error.description
        return jsonify(error=said), error.code or 500

    return app


def _received[T: BaseModel](model: type[T]) -> T:
    """Return the JSON of this request, checked.

    Raises:
        BadRequest: it is none, or holds something else; says what in a sentence.
    """
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "The request"
        said = f"{place}: {first['msg']}."
        raise BadRequest(
            _SENTENCES.get(first["type"], said) if place == "body" else said
        ) from error


def _shown(lineage: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in lineage.items() if value is not None]
