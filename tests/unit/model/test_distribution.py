"""Who trains with whom, and that many workers do what one does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tiny_models
from issuesum.errors import ParamsError

pytestmark = pytest.mark.slow  # TensorFlow takes ten seconds to load


def _config(task: dict, **cluster: list[str]) -> str:
    return json.dumps({"cluster": cluster, "task": task})


@pytest.mark.parametrize(
    ("config", "workers", "is_chief"),
    [
        (None, 1, True),
        ("", 1, True),
        ("{}", 1, True),
        (_config({"type": "worker", "index": 0}, worker=["a:1"]), 1, True),
        (_config({"type": "worker", "index": 0}, worker=["a:1", "b:1"]), 2, True),
        (_config({"type": "worker", "index": 1}, worker=["a:1", "b:1"]), 2, False),
        (_config({"type": "worker", "index": "1"}, worker=["a:1", "b:1"]), 2, False),
        (_config({"type": "chief", "index": 0}, chief=["a:1"], worker=["b:1"]), 2, True),
        (_config({"type": "worker", "index": 0}, chief=["a:1"], worker=["b:1"]), 2, False),
    ],
)
def test_tf_config_says_who_is_chief(config: str | None, workers: int, is_chief: bool) -> None:
    from issuesum.model.distribution import Cluster, read_cluster

    assert read_cluster(config) == Cluster(workers, is_chief=is_chief)


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        _config({"type": "worker", "index": 2}, worker=["a:1", "b:1"]),
        _config({"type": "chief", "index": 0}, worker=["a:1", "b:1"]),
        _config({}, worker=["a:1", "b:1"]),
        _config({"type": "ps", "index": 0}, ps=["a:1"], worker=["b:1"]),
    ],
)
def test_another_tf_config_is_refused(config: str) -> None:
    from issuesum.model.distribution import read_cluster

    with pytest.raises(ParamsError, match=r"TF_CONFIG must be JSON with `cluster`.*Try: the manif"):
        read_cluster(config)


def test_two_workers_learn_what_one_learns(tmp_path: Path) -> None:
    rows = tiny_models.shards(tmp_path / "train", tiny_models.rows(70))
    expected: list[dict[str, float]] = []
    alone = tiny_models.training(
        tmp_path, rows, tiny_models.rows(16, seed=3), report=expected.append
    )
    weights = alone.run().weights

    hosts = [f"127.0.0.1:{port}" for port in _free_ports(2)]
    workers = [_start(tmp_path, hosts, index) for index in range(2)]
    done = [worker.communicate(timeout=200) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], done

    records, kept = np.load(tmp_path / "chief.npz", allow_pickle=False).values()
    losses = [[record["train/loss"], record["eval/loss"]] for record in expected]
    np.testing.assert_allclose(records, losses, rtol=1e-4)
    np.testing.assert_allclose(kept, np.concatenate([of.ravel() for of in weights]), atol=1e-3)
    # Only the chief writes.
    assert json.loads(done[1][0].splitlines()[-1]) == {"records": 0, "checkpoints": 0}


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def _start(folder: Path, hosts: list[str], index: int) -> subprocess.Popen[str]:
    task = {"type": "worker", "index": index}
    return subprocess.Popen(
        [sys.executable, __file__, str(folder)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TF_CONFIG": _config(task, worker=hosts),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _work(folder: Path) -> None:
    """Train as one of the workers; the chief leaves what came of it."""
    from issuesum.model.distribution import read_cluster
    from issuesum.text.features import Shards

    cluster = read_cluster(os.environ["TF_CONFIG"])
    mine = folder / f"worker-{cluster.is_chief}"
    records: list[dict[str, float]] = []
    trained = tiny_models.training(
        mine,
        Shards(folder / "train"),
        tiny_models.rows(16, seed=3),
        cluster=cluster,
        report=records.append,
    ).run()
    if cluster.is_chief:
        np.savez(
            folder / "chief.npz",
            records=[[record["train/loss"], record["eval/loss"]] for record in records],
            weights=np.concatenate([of.ravel() for of in trained.weights]),
        )
    left = len(list(mine.rglob("*.npz")))
    sys.stdout.write(json.dumps({"records": len(records), "checkpoints": left}) + "\n")


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
