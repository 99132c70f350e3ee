"""Write the generated part of each page of docs/ that has one: `python -m reference` in tools/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from issuesum.files import replacing_file
from reference import cli, params

MARK = "<!-- What follows is made by `make docs`. -->\n"
PAGES: dict[str, Callable[[], str]] = {
    "docs/cli.md": cli.markdown,
    "docs/params.md": params.markdown,
}
ROOT = Path(__file__).parents[2]


def written(page: str) -> str:
    """Return what a page is to be: what stands above its mark, and what the code says below it."""
    above, mark, _ = (ROOT / page).read_text(encoding="utf-8").partition(MARK)
    return f"{above}{mark}\n{PAGES[page]()}"


def main() -> None:
    """Write all pages."""
    for page in PAGES:
        text = written(page)
        with replacing_file(ROOT / page) as path:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
