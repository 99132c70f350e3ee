"""Templates, style sheet and the format of numbers of all pages, which need no other file."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from issuesum.files import replacing_file

# Whatever a title or a commit message holds, a browser loads and runs nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_BIDI = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"}
_FRAME, _MACROS, _STYLE = "templates/frame.html", "templates/macros.html", "style.css"


class Code(str):
    """What is shown in monospace: a name, a path or a hash."""

    __slots__ = ()


def count(number: float | None, digits: int = 0) -> str:
    """Write a number with so many digits behind the point, `1,234`."""
    return "" if number is None else f"{number:,.{digits}f}"


def percent(share: float) -> str:
    """Write a share of 1, `12.3 %`; a small one is not shown as none."""
    text = f"{100 * share:.1f} %"
    return "< 0.1 %" if share and text == "0.0 %" else text


def signed(difference: float) -> str:
    """Write a difference of scores, `+0.78`."""
    return f"{difference:+.2f}".replace("-", "\N{MINUS SIGN}")


def plain(text: object, longest: int | None = 120) -> str:
    """Return one short line without control characters and overrides of the direction."""
    kept = "".join(
        " " if unicodedata.category(character) == "Cc" else character
        for character in str(text)
        if character not in _BIDI
    )
    line = " ".join(kept.split())
    return line if longest is None or len(line) <= longest else line[: longest - 1] + "…"


def environment(finalize: Callable[[object], object] | None = None) -> Environment:
    """Return the environment of this package's templates, which escapes what is not Markup."""
    made = Environment(
        loader=PackageLoader("issuesum.lineage.reporting", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    made.filters |= {"count": count, "percent": percent, "plain": plain}
    made.tests["code"] = lambda value: isinstance(value, Code)
    return made


_HTML = environment()


def render(template: str, **values: object) -> Markup:
    """Return a part of a page; every value that is not Markup is escaped."""
    macros = _HTML.get_template(_MACROS).module
    return Markup(_HTML.get_template(template).render(values, ui=macros))  # noqa: S704


def page(template: str, *, title: str, **values: object) -> str:
    """Return a whole page; equal values give equal text."""
    body = render(template, title=title, **values)
    return f"{render(_FRAME, title=title, policy=_POLICY, style=style(), body=body)}\n"


def style() -> Markup:
    """Return the style sheet of all pages and drawings."""
    return Markup(Path(__file__).with_name(_STYLE).read_text(encoding="utf-8"))  # noqa: S704


def write(path: Path, content: str) -> None:
    """Write a page, a drawing or Markdown, atomically."""
    with replacing_file(path) as temporary:
        temporary.write_text(content, encoding="utf-8", errors="replace")
