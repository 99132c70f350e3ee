"""The report's page in a real browser: it fits, asks for nothing and runs nothing."""

from __future__ import annotations

from pathlib import Path

from browser import chromium
from issuesum.lineage.dvc import Change
from issuesum.lineage.reporting.comparison import compare
from issuesum.lineage.reporting.model_report import to_page
from report_sides import HOSTILE, rows, side


def test_page_fits_phones_and_desks_in_both_schemes(tmp_path: Path) -> None:
    table = rows(60, seed=2, right=0.8)
    table.loc[:30, "issue_title"] = HOSTILE + "x" * 90
    found = compare(
        side("working tree", table),
        side("a" * 12, rows(60)),
        {"train." + "x" * 60: Change(HOSTILE, 2)},
    )
    path = tmp_path / "report.html"
    path.write_text(to_page(found), encoding="utf-8")
    with chromium() as browser:
        for width, scheme in ((400, "light"), (400, "dark"), (1440, "light"), (1440, "dark")):
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            asked: list[str] = []
            tab.on("request", lambda request, asked=asked: asked.append(request.url))
            tab.goto(path.as_uri())
            assert asked == [path.as_uri()]
            assert tab.evaluate("document.documentElement.scrollWidth") == width
            assert tab.evaluate("window.owned") is None
            # Every row of the table of scores is to be seen without scrolling sideways.
            box = tab.locator("table").first.bounding_box()
            assert box["x"] + box["width"] <= width
            assert tab.locator("svg[role=img]").count() >= 3
            paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
            tab.close()
