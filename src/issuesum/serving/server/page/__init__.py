"""A page on which people try the model and send feedback, served by the component itself."""

from pathlib import Path

from flask import Blueprint, Response, redirect, request

_TYPES = {
    "page.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
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
    # Files of an image have a fixed time, so a browser could not see that they have changed.
    "Cache-Control": "no-store",
}


def add_page(routes: Blueprint) -> None:
    """Serve the page at `/`, and next to it all that a browser may load for it."""
    files = {name: (Path(__file__).parent / name).read_bytes() for name in _TYPES}

    @routes.get("/", defaults={"name": "page.html"})
    @routes.get("/<any('page.css', 'page.js', 'icon.svg'):name>")
    def page(name: str) -> Response:
        found = Response(files[name], mimetype=_TYPES[name])
        # Its links are relative, to work below any path of an ingress, which must end in a slash.
        # Envoy, on which Istio and Ambassador build, hands on the path that it takes away.
        asked = request.headers.get("X-Envoy-Original-Path", "").partition("?")[0] or "/"
        if name == "page.html" and not asked.endswith("/"):
            found = redirect(f"./{asked.rpartition('/')[2]}/")  # type: ignore[assignment]
        found.headers.update(_HEADERS)
        return found
