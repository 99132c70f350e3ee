"""One export at a time."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

from issuesum.shipping.image.builder import exclusive


def test_a_second_process_waits_says_so_and_goes_on() -> None:
    name = f"localhost:9/{uuid4().hex}"
    code = (
        "from issuesum.shipping.image.builder import exclusive\n"
        f"with exclusive({name!r}): print('has it')"
    )
    with exclusive(name):
        second = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert second.stderr
        assert second.stderr.readline() == f"waiting for another export of {name}\n"
        assert second.poll() is None
    output, _ = second.communicate(timeout=30)
    assert output == "has it\n"


def test_other_names_do_not_wait_for_each_other() -> None:
    with exclusive(uuid4().hex), exclusive(uuid4().hex):
        pass


def test_a_link_in_place_of_the_lock_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with exclusive("registry/name"):
        (lock,) = tmp_path.iterdir()
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), exclusive("registry/name"):
        pass
    assert not (tmp_path / "elsewhere").exists()
