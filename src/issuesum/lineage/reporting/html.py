"""Pages and Markdown from templates: words of strangers are shown as they are, and nothing more."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from issuesum.console import printable
from issuesum.files import replacing_file

# Whatever a title or a commit message holds, a browser loads and runs nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_BIDI = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"}
_JOINER = "\N{WORD JOINER}"  # cannot be seen
# What GitHub, GitLab and Gitea turn into links, pings and references to other issues: @name, #123,
# !123, $snippet, ~label, %milestone, GH-123, https://… and www.…
_LINKS = re.compile(r"[@#!$~%](?=\S)|\bGH-(?=\d)|\w{2,}:(?=//)|\bwww(?=\.)", re.IGNORECASE)
_STRUCTURE = re.compile(r"[\\`*_{}\[\]<>#!|~&@$^]|:(?=\S)")


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
    kept = (" " if unicodedata.category(sign) == "Cc" else sign for sign in str(text))
    line = " ".join("".join(sign for sign in kept if sign not in _BIDI).split())
    return line if longest is None else cut(line, longest)


def cut(line: str, longest: int) -> str:
    """Return a line, or the beginning of one that is longer."""
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def markdown(text: object) -> Markup:
    """Return one line such that Markdown shows the text and reads nothing into it.

    Punctuation becomes numeric entities, which no parser takes for structure. Since pings and links
    are looked for after parsing, an invisible character stands behind what would begin one.
    """
    if isinstance(text, Markup):
        return text
    guarded = _LINKS.sub(rf"\g<0>{_JOINER}", plain(text, None))
    return Markup(_STRUCTURE.sub(lambda found: f"&#{ord(found[0])};", guarded))  # noqa: S704


def _text(value: object) -> Markup:
    return value if isinstance(value, Markup) else Markup(printable(str(value)))  # noqa: S704


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
    made.filters |= {"count": count, "percent": percent, "plain": plain, "signed": signed}
    return made


_HTML, _MARKDOWN, _TEXT = (environment(finalize=of) for of in (None, markdown, _text))
_TEXT.filters["line"] = lambda text, longest=76: cut(" ".join(str(text).split()), longest)


def render(template: str, **values: object) -> Markup:
    """Return a part of a page; every value that is not Markup is escaped."""
    macros = _HTML.get_template("templates/macros.html").module
    return Markup(_HTML.get_template(template).render(values, ui=macros))  # noqa: S704


def render_text(template: str, **values: object) -> str:
    """Return lines for people; what images and data hold is made safe for a terminal."""
    text = _TEXT.get_template(template).render(values)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def render_markdown(template: str, **values: object) -> str:
    """Return Markdown; every value that is not Markup is escaped."""
    macros = _MARKDOWN.get_template("templates/macros.md").module
    text = _MARKDOWN.get_template(template).render(values, ui=macros)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def page(template: str, *, title: str, **values: object) -> str:
    """Return a whole page; equal values give equal text."""
    body = render(template, **values)
    frame = render("templates/frame.html", title=title, policy=_POLICY, style=style(), body=body)
    return f"{frame}\n"


def style() -> Markup:
    """Return the style sheet of all pages and drawings."""
    return Markup(Path(__file__).with_name("style.css").read_text(encoding="utf-8"))  # noqa: S704


def write(path: Path, content: str) -> None:
    """Write a page, a drawing or Markdown, atomically."""
    with replacing_file(path) as temporary:
        temporary.write_text(content, encoding="utf-8", errors="replace")
