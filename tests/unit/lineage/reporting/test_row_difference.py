"""Rows are the same if split takes them for repeats of each other."""

from __future__ import annotations

from pathlib import Path

from issuesum.lineage.reporting.image_difference import RowDifference, compare_rows


def write(path: Path, *rows: tuple[str, str]) -> Path:
    lines = "".join(f'u,"{title}","{body}"\n' for title, body in rows)
    path.write_text(f"issue_url,issue_title,body\n{lines}", encoding="utf-8")
    return path


def test_repeats_and_what_cannot_be_used_do_not_count(tmp_path: Path) -> None:
    old = write(
        tmp_path / "old.csv", ("A", "a"), ("a", "A"), ("Gone", "b"), ("Gone", "b"), ("", "x")
    )
    new = write(tmp_path / "new.csv", ("B", "b"), (" a", "a  "), ("B", "b"), ("C", "c"), ("D", "d"))
    assert compare_rows(old, new, examples=2, scratch=tmp_path) == RowDifference(
        old=2, new=4, added=3, removed=1, added_titles=("B", "C"), removed_titles=("Gone",)
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.csv", "old.csv"]


def test_the_same_rows_in_another_order_are_the_same(tmp_path: Path) -> None:
    rows = [(f"Title {number}", f"body {number}") for number in range(50)]
    old, new = write(tmp_path / "old.csv", *rows), write(tmp_path / "new.csv", *rows[::-1])
    assert compare_rows(old, new, examples=3, scratch=tmp_path) == RowDifference(
        50, 50, 0, 0, (), ()
    )
