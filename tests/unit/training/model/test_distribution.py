"""Which workers train together, and that many workers do what one does."""

from __future__ import annotations

import json
import multiprocessing
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
    # A process of its own, which loads TensorFlow once and forks before it starts.
    command = [sys.executable, __file__, str(tmp_path), *tasks]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout == "[0, 0, 0]\n", done.stderr

    for name in ("workers", "mirrored"):
        with np.load(tmp_path / f"{name}.npz", allow_pickle=False) as found:
            np.testing.assert_allclose(found["losses"], losses, rtol=1e-4)
            np.testing.assert_allclose(found["weights"], weights, atol=1e-3)
    # Only the chief writes.
    left = json.loads((tmp_path / "workers-False.json").read_text())
    assert left == {"records": 0, "checkpoints": 0}


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def _work(folder: Path, task: str) -> None:
    """Train as one of the workers or, alone, on two devices; leave what came of it."""
    import tensorflow as tf

    from issuesum.text.features import Shards
    from issuesum.training.model import distribution

    os.environ["TF_CONFIG"] = task
    cluster = distribution.read_cluster(task)
    name = "workers" if cluster.workers > 1 else "mirrored"
    if name == "mirrored":  # two devices of one machine: processors here, as there is no GPU
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
    left = {"records": len(records), "checkpoints": len(list(mine.rglob("*.npz")))}
    mine.with_suffix(".json").write_text(json.dumps(left))


if __name__ == "__main__":
    from issuesum.training.model import training as _  # noqa: F401 -- TensorFlow, and what uses it

    fork = multiprocessing.get_context("fork")
    tasks = [*sys.argv[2:], "{}"]
    processes = [fork.Process(target=_work, args=(Path(sys.argv[1]), task)) for task in tasks]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.stdout.write(f"{[process.exitcode for process in processes]}\n")
