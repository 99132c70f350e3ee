"""Where training runs: one process, all GPUs of a machine, or several machines.

Several machines are described by TF_CONFIG, as Kubeflow's operators and `deploy/training` set it:
https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from issuesum.errors import ClusterError, ParamsError, one_line

Arrays = list[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Cluster:
    """This process's place among the workers of TF_CONFIG; the chief writes the results."""

    workers: int  # the chief included
    is_chief: bool


def read_cluster(config: str | None) -> Cluster:
    """Read the value of TF_CONFIG; without one there is a single worker.

    The chief is the task of type `chief`, or the first worker where there is none. ParamsError: it
    is no JSON, or does not place this process among workers.
    """
    try:
        content = json.loads(config or "{}")
        tasks = content.get("cluster", {})
        if unknown := tasks.keys() - {"chief", "worker"}:
            raise ValueError(f"tasks of type {', '.join(sorted(unknown))}")
        workers = sum(len(hosts) for hosts in tasks.values())
        if workers == 0:
            return Cluster(1, is_chief=True)
        kind, index = content["task"]["type"], int(content["task"]["index"])
        if not 0 <= index < len(tasks[kind]):
            raise ValueError(f"task {kind} {index} of {len(tasks[kind])}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParamsError(
            "TF_CONFIG must be JSON with `cluster` (chief, worker) and this process's `task`. "
            f"Received: {type(error).__name__} {error}. "
            "Try: the manifests in deploy/training, or unset it to train alone."
        ) from error
    is_chief = kind == "chief" or ("chief" not in tasks and index == 0)
    return Cluster(workers, is_chief=is_chief)


class Distribution:
    """The strategy of this process, and what its workers must agree on."""

    def __init__(self, cluster: Cluster) -> None:
        """Choose a strategy, before any operation; ClusterError: a worker cannot be reached."""
        self.cluster = cluster
        if cluster.workers > 1:
            try:
                self.strategy = tf.distribute.MultiWorkerMirroredStrategy()
            except tf.errors.OpError as error:
                raise ClusterError(
                    "A worker must be able to listen at its own address in TF_CONFIG and reach the "
                    f"others. Received: {one_line(error)[:200]}. Try: another port, and the same "
                    "`cluster` on all workers."
                ) from error
        elif len(tf.config.list_physical_devices("GPU")) > 1:
            self.strategy = tf.distribute.MirroredStrategy()
        else:
            self.strategy = tf.distribute.get_strategy()

    def from_chief(self, arrays: Sequence[npt.ArrayLike]) -> Arrays:
        """Return the chief's arrays, as float32, on every worker; shapes are the same."""
        own = [np.asarray(array, np.float32) for array in arrays]
        if self.cluster.workers == 1:
            return own
        return [value.numpy() for value in self._summed([tf.constant(array) for array in own])]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator] # TensorFlow has no types
    def _summed(self, values: list[tf.Tensor]) -> list[tf.Tensor]:
        def share(values: list[tf.Tensor]) -> list[tf.Tensor]:
            replica = tf.distribute.get_replica_context()
            is_first = tf.cast(replica.replica_id_in_sync_group == 0, tf.float32)
            own = [is_first * value for value in values]
            return [replica.all_reduce(tf.distribute.ReduceOp.SUM, value) for value in own]

        summed = self.strategy.run(share, (values,))
        return [self.strategy.experimental_local_results(value)[0] for value in summed]
