"""A trace as a page for people: self-contained, without scripts, and safe to open."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path

from issuesum.files import replacing_file
from issuesum.lineage.provenance import facts
from issuesum.lineage.provenance.trace import Trace
from issuesum.lineage.reporting.provenance_page import sections
from issuesum.lineage.reporting.provenance_page.graph import draw, picture

# Whatever a commit message holds, a browser loads and runs nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_page(path: Path, trace: Trace) -> None:
    """Write the page, atomically; equal traces, equal bytes."""
    with replacing_file(path) as temporary:
        temporary.write_text(page(trace), encoding="utf-8", errors="replace")


def write_picture(path: Path, trace: Trace) -> None:
    """Write the drawing alone as SVG, atomically, for a README or a ticket."""
    with replacing_file(path) as temporary:
        temporary.write_text(picture(trace, _style()), encoding="utf-8", errors="replace")


def page(trace: Trace) -> str:
    """Return the page as HTML."""
    known = trace.provenance
    tag = (
        "-".join(getattr(known, key) for key in ("git", "dvc") if getattr(known, key))
        or facts.UNKNOWN
    )
    parts = [
        sections.warnings(trace),
        draw(trace),
        sections.artefacts(trace),
        '<div class="columns">',
        sections.commit(known),
        sections.scores(known),
        sections.params(known),
        sections.tools(known),
        "</div>",
        sections.details(trace),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Provenance of {escape(tag)}</title>\n<style>\n{_style()}</style>\n</head>\n"
        f"<body>\n<main>\n<h1><small>{'image' if trace.image else 'bundle'}</small>{escape(tag)}"
        "</h1>\n" + "\n".join(part for part in parts if part) + "\n</main>\n</body>\n</html>\n"
    )


def _style() -> str:
    own, shared = (f"issuesum.lineage.reporting.{name}_page" for name in ("provenance", "data"))
    return "".join(
        files(package).joinpath("style.css").read_text(encoding="utf-8")
        for package in (shared, own)
    )
