"""Which workers train together, and that many workers do what one does."""

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
    from issuesum.training.model.distribution import Cluster, read_cluster

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
    from issuesum.training.model.distribution import read_cluster

    with pytest.raises(ParamsError, match=r"TF_CONFIG must be JSON with `cluster`.*Try: the manif"):
        read_cluster(config)


def test_two_workers_and_two_devices_learn_what_one_learns(tmp_path: Path, simple) -> None:
    rows = tiny_models.shards(tmp_path / "train", tiny_models.rows(70))
    expected: list[dict[str, float]] = []
    alone = tiny_models.training(
        tmp_path, rows, tiny_models.rows(16, seed=3), model=simple, report=expected.append
    )
    weights = np.concatenate([of.ravel() for of in alone.run().weights])
    losses = [[record["train/loss"], record["eval/loss"]] for record in expected]

    hosts = [f"127.0.0.1:{port}" for port in _free_ports(2)]
    tasks = [_config({"type": "worker", "index": index}, worker=hosts) for index in range(2)]
    processes = [_start(tmp_path, "workers", TF_CONFIG=task) for task in tasks]
    # Two devices of one machine: processors here, as there is no GPU.
    processes.append(_start(tmp_path, "mirrored"))
    done = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], done

    for name in ("workers", "mirrored"):
        with np.load(tmp_path / f"{name}.npz", allow_pickle=False) as found:
            np.testing.assert_allclose(found["losses"], losses, rtol=1e-4)
            np.testing.assert_allclose(found["weights"], weights, atol=1e-3)
    # Only the chief writes.
    assert json.loads(done[1][0].splitlines()[-1]) == {"records": 0, "checkpoints": 0}


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def _start(folder: Path, name: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, str(folder), name],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _work(folder: Path, name: str) -> None:
    """Train as one of the workers, or on two devices; the chief leaves what came of it."""
    import tensorflow as tf

    from issuesum.text.features import Shards
    from issuesum.training.model import distribution

    cluster = distribution.read_cluster(os.environ.get("TF_CONFIG"))
    if name == "mirrored":
        (processor,) = tf.config.list_physical_devices("CPU")
        devices = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(processor, devices)
        mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

        def init(self, cluster: distribution.Cluster) -> None:
            self.cluster, self.strategy = cluster, mirrored

        distribution.Distribution.__init__ = init
    mine = folder / f"{name}-{cluster.is_chief}"
    mine.mkdir()
    records: list[dict[str, float]] = []
    trained = tiny_models.training(
        mine,
        Shards(folder / "train"),
        tiny_models.rows(16, seed=3),
        model=tiny_models.simple(mine, pytest.MonkeyPatch()),
        cluster=cluster,
        report=records.append,
    ).run()
    if cluster.is_chief:
        np.savez(
            folder / f"{name}.npz",
            losses=[[record["train/loss"], record["eval/loss"]] for record in records],
            weights=np.concatenate([of.ravel() for of in trained.weights]),
        )
    left = len(list(mine.rglob("*.npz")))
    sys.stdout.write(json.dumps({"records": len(records), "checkpoints": left}) + "\n")


if __name__ == "__main__":
    _work(Path(sys.argv[1]), sys.argv[2])
