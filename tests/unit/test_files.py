"""Outputs appear whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError
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


def test_a_device_is_not_replaced() -> None:
    for name in ("null", "stdout", "fd/1"):
        device = Path("/dev") / name
        with pytest.raises(ArtifactError, match="must be a file"), replacing_file(device):
            pass
    assert Path("/dev/null").is_char_device()


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


def test_a_link_to_a_folder_of_another_disk_stays_and_leads_to_the_new_one(tmp_path: Path) -> None:
    disk, target = tmp_path / "disk", tmp_path / "project/out"
    (disk / "out").mkdir(parents=True)
    (disk / "out/old").write_text("1")
    target.parent.mkdir()
    target.symlink_to(disk / "out")
    with replacing_directory(target) as folder:
        assert folder.parent == disk, "so that it can be renamed"
        (folder / "new").write_text("2")
    assert target.is_symlink()
    assert [path.name for path in (disk / "out").iterdir()] == ["new"]
    assert [path.name for path in disk.iterdir()] == ["out"]
    assert [path.name for path in target.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("place", ["/proc", "absent/out"])
def test_what_cannot_be_replaced_is_refused_before_anything_is_done(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "out").symlink_to(tmp_path / place)
    with (
        pytest.raises(ArtifactError, match="must be a folder that can be replaced, or a link"),
        replacing_directory(tmp_path / "out"),
    ):
        pytest.fail("the block must not begin")
    assert not (tmp_path / "absent").exists()
