"""What libraries write below Python."""

from __future__ import annotations

import os

import pytest

from issuesum.training.bundle.convert import quiet_stderr


def test_it_is_not_released(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr():
        os.write(2, b"noise\n")
    os.write(2, b"signal\n")
    assert capfd.readouterr().err == "signal\n"


def test_it_is_shown_when_the_block_fails(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with quiet_stderr():
            os.write(2, b"the reason\n")
            raise RuntimeError("below")

    with pytest.raises(RuntimeError, match="below"):
        fail()
    assert capfd.readouterr().err == "the reason\n"
