"""Lines for people."""

from __future__ import annotations

from issuesum.lineage.dvc import Change
from issuesum.lineage.reporting.html import render_text
from issuesum.lineage.reporting.image_difference import (
    CodeDifference,
    DataDifference,
    ImageDifference,
    ImageSide,
    MetricChange,
    PackageDifference,
    RowDifference,
    TitleDifference,
)

SIDES = [ImageSide(f"host/titles@sha256:{n}", f"host/titles:{n}", "2026", 2_000_000) for n in "ab"]


def test_what_others_wrote_cannot_command_a_terminal() -> None:
    rows = RowDifference(10, 11, 2, 1, ("\x1b[2JAdded\nline",), ("Gone",))
    found = ImageDifference(
        *SIDES,
        data=DataDifference(False, rows, (10, 11), ""),
        params={"train.epochs": Change(12, "\x1b]0;x\x07")},
        code=CodeDifference("a" * 40, "b" * 40, " src/a.py | 2 +-", ()),
        packages=PackageDifference("sbom", False, {"numpy": Change("1", None)}),
        same_test=False,
        metrics={
            "model.rouge_l": MetricChange(20.0, 19.25, -0.75),
            "test_rows": MetricChange(9, 8, -1),
        },
        titles=TitleDifference(100, 40, (Change("old \x9b1m", "new " * 99),)),
    )
    lines = render_text("templates/difference.txt", of=found).splitlines()
    assert all(line.isprintable() for line in lines)
    assert "  2 issues added, 1 removed: 10 → 11" in lines
    assert "  + \N{REPLACEMENT CHARACTER}[2JAdded line" in lines
    assert "  src/a.py | 2 +-" not in lines  # git's own indent is kept
    assert "   src/a.py | 2 +-" in lines
    assert "  numpy  1 → none" in lines
    assert "  on other test issues, so that the numbers are no measure of the change" in lines
    assert "  model.rouge_l     20.00 →    19.25     -0.75" in lines
    assert "  test_rows             9 →        8        -1" in lines
    assert "  40 of 100 differ" in lines
    assert max(map(len, lines)) < 110
