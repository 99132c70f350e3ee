"""Outputs appear whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from issuesum.files import (
    checking_before_replacing,
    replacing_directory,
    replacing_file,
    write_json,
)


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


def test_a_check_sees_each_target_before_it_is_replaced_and_only_in_its_block(
    tmp_path: Path,
) -> None:
    seen = []

    def check(target: Path) -> None:
        seen.append(target.name)
        if target.name != "fine":
            raise ValueError(target)

    (tmp_path / "file").write_text("before")
    with checking_before_replacing(check):
        write_json(tmp_path / "fine", 1)
        with pytest.raises(ValueError, match="file"):
            write_json(tmp_path / "file", 1)
        with pytest.raises(ValueError, match="folder"), replacing_directory(tmp_path / "folder"):
            pass
        with replacing_directory(tmp_path / "dropped", keep=False):
            pass
    assert (tmp_path / "file").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "fine"]
    write_json(tmp_path / "file", 1)
    assert seen == ["fine", "file", "folder"]
