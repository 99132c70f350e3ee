"""What libraries write below Python."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def quiet_stderr():
    """Return the function; not every process that collects tests shall load TensorFlow."""
    from issuesum.training.bundle.convert import quiet_stderr

    return quiet_stderr


def test_it_is_not_released(quiet_stderr, capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr():
        os.write(2, b"noise\n")
    os.write(2, b"signal\n")
    assert capfd.readouterr().err == "signal\n"


def test_an_error_gets_through_and_ends_it(quiet_stderr, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with quiet_stderr():
            os.write(2, b"noise\n")
            raise RuntimeError("below")

    with pytest.raises(RuntimeError, match="below"):
        fail()
    os.write(2, b"signal\n")
    assert capfd.readouterr().err == "signal\n"
