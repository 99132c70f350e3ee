"""How the layers of an image become a folder, and what is not let out of it."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import pytest

from issuesum.errors import EngineError
from issuesum.shipping.image.process import _unpack, tried

Entry = tuple[str, str | None] | tuple[str, str, bytes]


def layer(*entries: Entry) -> io.BytesIO:
    """Return a tar: a folder has no content, a link has a kind."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content, *kind in entries:
            entry = tarfile.TarInfo(name)
            if kind:
                entry.type, entry.linkname = kind[0], str(content)
            elif content is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            else:
                entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content.encode()) if entry.isreg() and content else None)
    return io.BytesIO(packed.getvalue())


def files(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_upper_layers_replace_and_hide_what_is_below(tmp_path: Path) -> None:
    _unpack(layer(("a", None), ("a/x", "1"), ("a/y", "2"), ("b", None), ("b/x", "3"),
                  ("c", "4"), ("d", "c", tarfile.SYMTYPE)), tmp_path)  # fmt: skip
    _unpack(layer(("a/.wh.x", ""), ("b", None), ("b/new", "5"), ("b/.wh..wh..opq", ""),
                  ("d", "6"), ("e", "d", tarfile.LNKTYPE)), tmp_path)  # fmt: skip
    assert files(tmp_path) == {"a/y": "2", "b/new": "5", "c": "4", "d": "6", "e": "6"}


def test_links_to_the_root_stay_inside_and_devices_are_left_out(tmp_path: Path) -> None:
    _unpack(layer(("usr/lib/x", "1"), ("lib", "/usr/lib", tarfile.SYMTYPE), ("lib/y", "2"),
                  ("lib/up", "/lib/x", tarfile.SYMTYPE), ("dev/null", "", tarfile.CHRTYPE)),
            tmp_path)  # fmt: skip
    assert files(tmp_path) == {"usr/lib/x": "1", "usr/lib/y": "2"}
    assert (tmp_path / "lib/up").read_text() == "1"


@pytest.mark.parametrize(
    "entries",
    [
        [("../x", "1")],
        [("out", "../..", tarfile.SYMTYPE)],
        [("x", "../x", tarfile.LNKTYPE)],
    ],
)
def test_what_leads_out_is_refused(entries: list[Entry], tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "x").write_text("mine")
    with pytest.raises(tarfile.FilterError):
        _unpack(layer(*entries), tmp_path / "root")
    assert (tmp_path / "x").read_text() == "mine"
    (tmp_path / "root/out").symlink_to("..")
    with pytest.raises(tarfile.FilterError):
        _unpack(layer(("out/x", "2")), tmp_path / "root")
    assert (tmp_path / "x").read_text() == "mine"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import time; time.sleep(9)", "must answer within 0.5 s"),
        ("import sys; print('error: no model'); sys.exit(3)", "exit code 3. Its log ends: error: "),
    ],
)
def test_a_server_that_gives_no_answer_is_ended(program: str, reason: str, tmp_path: Path) -> None:
    timeout = 0.5 if "sleep" in program else 20
    with pytest.raises(EngineError, match=reason):
        tried([sys.executable, "-c", program], tmp_path, {}, timeout)


def test_a_folder_from_which_nothing_runs_is_named(tmp_path: Path) -> None:
    (tmp_path / "python3").touch()
    with pytest.raises(EngineError, match="must run on this machine"):
        tried([tmp_path / "python3"], tmp_path, {}, timeout=1)
