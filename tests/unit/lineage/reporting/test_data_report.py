"""The data report: a page that needs nothing else, and CSVs."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from issuesum.lineage.reporting.data_report import write_report
from issuesum.training.corpus.drift import with_drift
from issuesum.training.corpus.profile import BINS, DataProfile, Languages, Rows
from profiles import bins, profile

HOSTILE = '<img src=x onerror="alert(1)">&amp;'
VOID = {"meta", "br", "img"}


class _Outline(HTMLParser):
    """Text and elements of a page; an element that is not closed in its place is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            self.headings.append((self.open[-1], data))


def _drifted(**changes) -> DataProfile:
    earlier = profile({"histogram": bins(n4=1100)}, rows=replace(profile().rows, read=1000))
    now = profile({"words": (("the", 300.5), ("kafka", 55.25), ("docker", 40.0))}, **changes)
    return with_drift(now, [("0123456789abcdef" * 2 + "01234567", earlier.to_json())])


def _page(folder: Path, of: DataProfile) -> str:
    write_report(folder, of)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("make", [profile, _drifted], ids=["first", "drifted"])
def test_the_page_needs_nothing_but_itself(tmp_path: Path, make: Callable[[], DataProfile]) -> None:
    page = _page(tmp_path, make()).replace("http-equiv", "")
    for outside in ("http", "src=", "url(http", "<script", "@import", "<link", "javascript:"):
        assert outside not in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    referred = re.findall(r'(?:url\(#|href="#)([^)"]+)', page)
    assert referred
    assert set(referred) <= set(ids)


@pytest.mark.parametrize("make", [profile, _drifted], ids=["first", "drifted"])
def test_the_page_has_an_outline(tmp_path: Path, make: Callable[[], DataProfile]) -> None:
    outline = _Outline(_page(tmp_path, make()))
    levels = [int(level[1]) for level, _ in outline.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert [text for level, text in outline.headings if level == "h2"] == [
        "Rows",
        "Lengths",
        "Vocabulary",
        "Languages",
        "Compared with earlier data",
    ]
    images = [attributes for tag, attributes in outline.elements if tag == "svg"]
    assert len(images) == 4
    assert all(image["role"] == "img" and image["aria-label"] for image in images)
    assert ("html", {"lang": "en"}) in outline.elements


def test_the_page_shows_the_numbers(tmp_path: Path) -> None:
    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", _page(tmp_path, _drifted())))
    for expected in (
        "1,200 distinct issues, from 1,234 rows.",
        "read 1,234 100.0 %",
        "rejected 4 0.3 %",
        "empty body 3 0.2 %",
        "too few fields 1 0.1 %",
        "repeat an earlier issue 30 2.4 %",
        "training split 1,000 81.0 %",
        "mean 34.6 5.5",
        "95th percentile 64 8",
        "distinct, training split 900 400",
        "unknown, validation split 10.0 % 20.0 %",
        "body 50.0 %",
        "Of 110 bodies",
        "commit 0123456789ab . Its raw file had 1,000 rows; +234 since.",
        "distance of lengths 1.0000 0.0000",
        "kafka 55.2",
        "docker 40.0",
    ):
        assert expected in text


def test_a_share_of_little_is_not_nothing(tmp_path: Path) -> None:
    page = _page(tmp_path, profile(rows=Rows(9000, 4, 0, 8996, 0, 0, {"empty body": 4})))
    assert "<td>4</td><td>&lt; 0.1 %</td>" in page
    assert "<td>0</td><td>0.0 %</td>" in page


def test_without_earlier_data_the_page_says_so(tmp_path: Path) -> None:
    page = _page(tmp_path, profile())
    assert "<p>There is no earlier data in Git to compare with.</p>" in page
    assert 'class="key before"' not in page
    assert "var(--before)" not in page.split("</style>")[1]


def test_drift_without_new_words_says_so(tmp_path: Path) -> None:
    of = _drifted()
    assert of.drift is not None
    page = _page(tmp_path, replace(of, drift=replace(of.drift, new_words=())))
    assert "<p>None.</p>" in page


def test_what_issues_say_is_escaped(tmp_path: Path) -> None:
    of = _drifted(
        rows=Rows(9, 1, 1, 3, 2, 2, {HOSTILE: 1}),
        languages=Languages(9, {HOSTILE: 1.0}),
    )
    assert of.drift is not None
    hostile = replace(of, drift=replace(of.drift, commit=HOSTILE, new_words=((HOSTILE, 1.0),)))
    page = _page(tmp_path, hostile)
    outline = _Outline(page)
    assert "<img" not in page
    assert outline.text.count(HOSTILE) == 3  # reason, language and new word
    assert [attributes for _, attributes in outline.elements if "onerror" in attributes] == []


def test_plots_follow_the_colours_and_the_font_of_the_page(tmp_path: Path) -> None:
    plots = re.findall(r"<svg.*?</svg>", _page(tmp_path, _drifted()), re.DOTALL)
    assert len(plots) == 4
    for plot in plots:
        ET.fromstring(plot.replace("<svg", '<svg xmlns:xlink="x"', 1))  # noqa: S314 -- ours
        assert set(re.findall(r"(?:fill|stroke): ([^;\"]+)", plot)) <= {
            "none",
            "currentColor",
            "var(--now)",
            "var(--before)",
            "var(--grid)",
        }
        assert "var(--now)" in plot
        assert ">8</text>" in plot or ">issues</text>" in plot
        assert "font-family" not in plot
    assert [("var(--before)" in plot) for plot in plots] == [True, True, False, False]


def test_large_numbers_fit_into_the_margin(tmp_path: Path) -> None:
    of = profile({"growth": ((400_000, 1_500_000), (5_000_000, 12_000_000))})
    titles = replace(of.title, growth=((400_000, 90_000), (5_000_000, 800_000)))
    page = _page(tmp_path, replace(of, title=titles))
    assert {">4 M<", ">1.5 M<", ">250,000<"} <= set(re.findall(r">[^<>]+<", page))


def test_csvs_for_plots(tmp_path: Path) -> None:
    write_report(tmp_path, profile())
    tables = {
        name: (tmp_path / f"{name}.csv").read_bytes() for name in ("lengths", "growth", "languages")
    }
    assert tables["growth"] == b"issues,body,title\n500,600,300\n1000,900,400\n"
    assert tables["languages"] == b"language,share\nen,0.9\nde,0.1\n"
    lengths = list(csv.DictReader(tables["lengths"].decode().splitlines()))
    assert [int(line["words"]) for line in lengths] == list(BINS)
    assert lengths[6] == {"words": "8", "body": "0.545455", "title": "0.363636"}
    assert b"\r" not in tables["lengths"]


def test_two_processes_write_the_same_whatever_their_home(tmp_path: Path) -> None:
    of = _drifted()
    (tmp_path / "data.json").write_text(of.to_json(), encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; "
        "from issuesum.lineage.reporting.data_report import write_report; "
        "from issuesum.training.corpus.profile import DataProfile; "
        "print('matplotlib' in sys.modules); "
        "profile = DataProfile.from_json(Path(sys.argv[1]).read_text()); "
        "write_report(Path(sys.argv[2]), profile); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    nowhere = tmp_path / "file"
    nowhere.touch()
    own = tmp_path / "own"
    (own / ".config/matplotlib").mkdir(parents=True)
    (own / ".config/matplotlib/matplotlibrc").write_text("grid.linewidth: 9\nsvg.fonttype: path\n")
    written = []
    for number, home in enumerate((nowhere, own)):
        folder = tmp_path / str(number)
        folder.mkdir()
        env = {k: v for k, v in os.environ.items() if k != "MPLCONFIGDIR" and k[:4] != "XDG_"}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, tmp_path / "data.json", folder],
            env={**env, "HOME": str(home), "PYTHONHASHSEED": str(number)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert (done.stdout, done.stderr) == ("False\nFalse\n", "")
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    (tmp_path / "here").mkdir()
    write_report(tmp_path / "here", of)
    written.append({path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()})
    assert written[0] == written[1] == written[2]
    assert sorted(written[0]) == ["growth.csv", "languages.csv", "lengths.csv", "report.html"]
