"""Raw data: the rows if available, else what the images record."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.errors import RepositoryError
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.reporting import image_difference
from issuesum.lineage.reporting.image_difference import DataDifference, RowDifference, compare_data

HEADER = "issue_url,issue_title,body\n"


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Compare two provenances, with files `old` and `new` in DVC's hands."""
    (tmp_path / "old").write_text(HEADER + "u,One,1\nu,Two,2\n")
    (tmp_path / "new").write_text(HEADER + "u,Two,2\nu,Three,3\nu,Four,4\n")
    (tmp_path / "broken").write_text("no header\n")

    def stored(root: Path, md5: str) -> Path:
        if not (root / md5).exists():
            raise RepositoryError(f"DVC must have {md5}.")
        return root / md5

    monkeypatch.setattr(image_difference, "stored_file", stored)

    def compare(old: Provenance, new: Provenance, *, look: bool = True) -> DataDifference:
        return compare_data(old, new, root=tmp_path, examples=1, look=look)

    return compare


def of(raw: str | None, rows: int | None = None) -> Provenance:
    artefacts = [{"name": "split", "rows": 7}, {"name": "raw", "rows": rows}]
    return Provenance.model_validate({"hashes": {"raw": raw}, "artefacts": artefacts})


def test_rows_are_read_if_both_files_are_available(compare) -> None:
    found = compare(of("old", 2), of("new", 3))
    assert found == DataDifference(
        False, RowDifference(2, 3, 2, 1, ("Three",), ("One",)), (2, 3), ""
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (of("gone", 5), of("gone", 5), DataDifference(True, None, (5, 5), "")),
        (of("gone", 5), of("new", 3), DataDifference(False, None, (5, 3), "DVC must have gone.")),
        (
            of(None),
            of("new", 3),
            DataDifference(None, None, (None, 3), "an image names no raw data"),
        ),
        (
            Provenance(hashes={"raw": "gone"}),
            of("gone"),
            DataDifference(True, None, (None, None), ""),
        ),
    ],
)
def test_else_what_is_recorded(
    compare, old: Provenance, new: Provenance, expected: DataDifference
) -> None:
    assert compare(old, new) == expected


def test_what_is_not_wanted_or_broken_is_noted(compare) -> None:
    assert compare(of("old"), of("new"), look=False).why_not == "not asked for"
    assert "broken must have the column" in compare(of("old"), of("broken")).why_not
