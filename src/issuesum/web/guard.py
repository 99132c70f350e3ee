"""What keeps other sites, and large requests, away from the page."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import Forbidden, UnsupportedMediaType

_MAX_REQUEST = 2**20
"""Bytes of a request: the longest body in the longest encoding, and a title."""
_HEADERS = {
    # Trusted Types: even a script of ours could not write HTML by mistake.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def guard(app: Flask, hosts: list[str] | None) -> None:
    """Make `app` refuse what its own page did not send, and forbid the page what it does not need.

    Args:
        app: gets two hooks and a limit.
        hosts: names under which it may be asked for. A site whose name is made to point to this
            machine would pass for the page's own origin otherwise.
    """
    app.config["MAX_CONTENT_LENGTH"] = _MAX_REQUEST
    app.config["TRUSTED_HOSTS"] = hosts

    @app.before_request
    def refuse_other_sites() -> None:
        if request.method != "POST":
            return
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        # The host alone: a proxy in front may speak https where this server hears http.
        if site != "same-origin" or (origin and urlsplit(origin).netloc != request.host):
            raise Forbidden("Another site's page sent this. Use the form of this page.")
        if not request.is_json:  # what a form of another site could send without being asked
            raise UnsupportedMediaType("Send JSON, with Content-Type: application/json.")

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(_HEADERS)
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response
