"""Outputs appear whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from issuesum.files import replacing_directory, replacing_file, write_json


def test_a_folder_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with replacing_directory(target) as folder:
        (folder / "old").write_text("1")

    def fail() -> None:
        with replacing_directory(target) as folder:
            (folder / "new").write_text("2")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert [path.name for path in target.iterdir()] == ["old"]
    with replacing_directory(target) as folder:
        (folder / "new").write_text("2")
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")

    def fail() -> None:
        with replacing_file(target) as path:
            path.write_text("half")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert target.read_text() == "old"
    write_json(target, {"b": 1, "a": "ü"})
    assert json.loads(target.read_text(encoding="utf-8")) == {"b": 1, "a": "ü"}
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]
