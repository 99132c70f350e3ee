"""A training whose machines are lost one after the other, and whose checkpoints are in real S3."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import s3fs

import tiny_models
from issuesum.text.features import Shards

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def url(services) -> Iterator[str]:
    """Return a folder of the bucket."""
    url = f"s3://issuesum/test-{secrets.token_hex(6)}"
    yield url
    files = s3fs.S3FileSystem(endpoint_url=services.s3)
    if files.exists(url):
        files.rm(url, recursive=True)


def test_it_goes_on_in_another_folder_after_kill_9_and_after_sigterm(
    tmp_path: Path, url: str, services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # away from the settings of this clone's remote
    rows = tiny_models.shards(tmp_path / "train", tiny_models.rows(70))
    model = tiny_models.simple(tmp_path, monkeypatch)
    expected = _begin(tmp_path / "whole", rows, model).run()

    killed = subprocess.run(
        [sys.executable, __file__, tmp_path, url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    shutil.rmtree(tmp_path / "killed")

    training = _begin(tmp_path / "terminated", rows, model, url)
    assert training._progress.step == 6, "checkpoints are written after every second step"
    _after(training, 3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    earlier = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with pytest.raises(SystemExit, match="143"):
            training.run()
    finally:
        signal.signal(signal.SIGTERM, earlier)
    shutil.rmtree(tmp_path / "terminated")

    training = _begin(tmp_path / "last", rows, model, url)
    trained = training.run()
    assert trained.resumed == 9, "the step in which SIGTERM came"
    assert trained.best.keys() == expected.best.keys()
    assert trained.best["eval/loss"] == expected.best["eval/loss"]
    for one, other in zip(trained.weights, expected.weights, strict=True):
        assert np.array_equal(one, other)
    files = s3fs.S3FileSystem(endpoint_url=services.s3)
    assert len(files.ls(url, refresh=True)) == 1
    training._checkpoint.discard()
    files.invalidate_cache()
    # SeaweedFS lists a folder that was emptied.
    assert not [path for path in files.find(url) if path.endswith(".npz")]


def _begin(folder: Path, rows: Shards, model, url: str | None = None):
    # 15 steps, and a validation after every third.
    judged = tiny_models.rows(16, seed=3)
    return tiny_models.training(folder, rows, judged, model=model, url=url, eval_steps=3)


def _after(training, steps: int, action) -> None:
    step, left = training._trainer.step, iter(range(1, steps))

    def counted(batch):
        loss = step(batch)
        training._checkpoint._copy.wait(60)  # steps of a real model take longer
        if next(left, None) is None:
            action()
        return loss

    training._trainer.step = counted


def _kill(folder: Path, url: str) -> None:
    model = tiny_models.simple(folder, pytest.MonkeyPatch())
    training = _begin(folder / "killed", Shards(folder / "train"), model, url)
    _after(training, 7, lambda: os.kill(os.getpid(), signal.SIGKILL))
    training.run()


if __name__ == "__main__":
    _kill(Path(sys.argv[1]), sys.argv[2])
