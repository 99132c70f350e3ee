"""The two graphs and the state between them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from issuesum.errors import ArtifactError
from issuesum.serving.inference.graphs import Graphs
from toy_bundle import BODY, TITLE, write_bundle


def test_rows_of_a_state_are_taken_and_what_they_share_stays(tmp_path: Path) -> None:
    graphs = Graphs(write_bundle(tmp_path))
    body = np.arange(2 * BODY.maxlen, dtype=np.int32).reshape(2, -1) % BODY.size
    first = graphs.encode(body, body)
    state = graphs.take(first, np.array([0, 0, 1, 1]))
    assert state["body_number"].tolist() == [0, 0, 1, 1]
    previous = np.array([2, 4, 2, 4], np.int32)
    probabilities, state = graphs.step(previous, state)
    assert probabilities.shape == (4, TITLE.size + BODY.maxlen)
    alone, _ = graphs.step(previous[3:], graphs.encode(body[1:], body[1:]))
    np.testing.assert_allclose(probabilities[3:], alone, rtol=1e-6)
    moved = graphs.take(state, np.array([1, 0, 3]))
    assert moved["shared_words"] is first["shared_words"]
    np.testing.assert_array_equal(moved["hidden"], state["hidden"][[1, 0, 3]])


def test_one_number_stands_for_all_rows_of_the_last_body(tmp_path: Path) -> None:
    graphs = Graphs(write_bundle(tmp_path))
    body = np.arange(2 * BODY.maxlen, dtype=np.int32).reshape(2, -1) % BODY.size
    last = graphs.take(graphs.encode(body, body), np.array([1]))
    state = graphs.take(last, np.array([0, 0, 0]))
    assert state["body_number"].tolist() == [1]
    previous = np.array([2, 4, 5], np.int32)
    probabilities, _ = graphs.step(previous, state)
    alone = [graphs.step(word[None], last)[0][0] for word in previous]
    np.testing.assert_allclose(probabilities, alone, rtol=1e-6)


def test_a_graph_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    (tmp_path / "decoder.onnx").write_bytes(b"no\ngraph")
    with pytest.raises(ArtifactError, match=r"decoder\.onnx must be an ONNX graph\. Received: \S"):
        Graphs(tmp_path)
    (tmp_path / "encoder.onnx").unlink()
    with pytest.raises(ArtifactError, match=r"encoder\.onnx must be an ONNX graph"):
        Graphs(tmp_path)


def test_a_process_that_uses_them_leaves_nothing_about_itself(tmp_path: Path) -> None:
    # What onnxruntime sends to Microsoft, it sends with a number that it keeps in this folder.
    (home := tmp_path / "home").mkdir()
    (model := tmp_path / "model").mkdir()
    silencing = ("CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    env = {name: value for name, value in os.environ.items() if name not in silencing}
    subprocess.run(
        [sys.executable, "-m", "issuesum.serving.inference.writer", str(write_bundle(model))],
        cwd=home, env={**env, "HOME": str(home)}, check=True,
    )  # fmt: skip
    assert list(home.rglob("*")) == []
