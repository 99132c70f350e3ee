"""Write the pages anew: `python -m reference` with tools/ on the path (`make reference`)."""

from __future__ import annotations

from pathlib import Path

from issuesum.files import replacing_file
from reference import params

PAGES = {"docs/params.md": params.markdown}


def main() -> None:
    """Write each page into the repository that holds this file."""
    root = Path(__file__).resolve().parents[2]
    for page, make in PAGES.items():
        with replacing_file(root / page) as path:
            path.write_text(make(root), encoding="utf-8")
        print(page)


if __name__ == "__main__":
    main()
