"""One retraining at a time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from issuesum.automation.retraining.job import only_one
from issuesum.errors import RepositoryError


def test_a_second_run_hears_of_the_first(tmp_path: Path) -> None:
    with only_one(tmp_path):
        expected = rf"another one, which holds {tmp_path}/.issuesum/retrain.lock\."
        with pytest.raises(RepositoryError, match=expected), only_one(tmp_path):
            pass
    with only_one(tmp_path):
        pass


def test_what_was_handed_the_descriptor_goes_on_holding_it(tmp_path: Path) -> None:
    with only_one(tmp_path) as held:
        child = subprocess.Popen(["sleep", "60"], pass_fds=(held,))
    try:
        with pytest.raises(RepositoryError), only_one(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()
    with only_one(tmp_path):
        pass
