"""Shape, training, conversion and parity, with models of a few thousand parameters."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from issuesum.errors import ArtifactError, ParamsError
from issuesum.inference.graphs import Graphs
from issuesum.text.features import Features

pytestmark = [
    pytest.mark.slow,
    # TensorFlow, tf2onnx and Keras warn of their own code.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

SIZES = {"body_size": 40, "body_maxlen": 9, "title_size": 30, "title_maxlen": 6}


@pytest.fixture(scope="module")
def config():
    from issuesum.model.interface import ModelConfig

    return ModelConfig(arch="seq2seq", embedding_dim=8, hidden_units=12, **SIZES)


@pytest.fixture(scope="module")
def rows() -> Features:
    draw = np.random.default_rng(1)
    body = draw.integers(2, 40, (64, 9)).astype(np.int32)
    title = np.full((64, 6), 0, np.int32)
    title[:, 0], title[:, 1], title[:, 2], title[:, 3] = 2, body[:, 3] % 26 + 4, 5, 3
    return Features(body=body, title=title, body_extended=body, title_extended=title)


@pytest.fixture(scope="module")
def settings():
    from issuesum.model.training import TrainingSettings

    return TrainingSettings(batch_size=16, epochs=3, patience=3, learning_rate=0.01, seed=7)


def _train(folder: Path, config, settings, rows) -> Path:
    from issuesum.model.training import train

    (folder / "models").mkdir(parents=True)
    train(
        config,
        settings,
        rows,
        rows.head(16),
        models=folder / "models",
        curves=folder / "curves",
        verbose=False,
    )
    return folder / "models"


def test_with_the_example_s_widths_it_has_the_example_s_parameters() -> None:
    from issuesum.model.interface import ModelConfig, create_model

    sizes = {"body_size": 8002, "body_maxlen": 70, "title_size": 4502, "title_maxlen": 12}
    model = create_model(ModelConfig("seq2seq", embedding_dim=300, hidden_units=300, **sizes))
    assert model.count_params() == 6_191_702


def test_equal_seeds_give_equal_bytes_and_other_seeds_others(
    tmp_path: Path, config, settings, rows: Features
) -> None:
    weights = [
        (_train(tmp_path / name, config, chosen, rows) / "model.weights.h5").read_bytes()
        for name, chosen in (("a", settings), ("b", settings), ("c", replace(settings, seed=8)))
    ]
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_the_best_epoch_is_kept_not_the_last(
    tmp_path: Path, config, settings, rows: Features
) -> None:
    from issuesum.model.training import load_model, train

    # What is learnt of these titles is wrong of those, so the loss on the latter soon rises.
    draw = np.random.default_rng(2)
    validation = replace(rows.head(16), title=rows.title[:16].copy())
    validation.title[:, 1] = draw.integers(4, 30, 16)
    eager = replace(settings, epochs=20, patience=20, learning_rate=0.05)
    (tmp_path / "models").mkdir()
    best = train(
        config,
        eager,
        rows,
        validation,
        models=tmp_path / "models",
        curves=tmp_path / "curves",
        verbose=False,
    )
    losses = (tmp_path / "curves/plots/metrics/eval/loss.tsv").read_text().split()[3::2]
    assert best == pytest.approx(min(map(float, losses)))
    assert float(losses[-1]) > best, "the last epoch must not be the best for this test to tell"
    kept = load_model(tmp_path / "models")
    logits = kept((validation.body, validation.title[:, :-1])).numpy()
    target = validation.title[:, 1:]
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    chosen = np.take_along_axis(log_probs, target[..., None], axis=-1)[..., 0]
    assert -chosen[target != 0].mean() == pytest.approx(best, rel=1e-4)


def test_training_that_diverges_is_refused(
    tmp_path: Path, config, settings, rows: Features
) -> None:
    with pytest.raises(ArtifactError, match="must end with a finite validation loss"):
        _train(tmp_path, config, replace(settings, learning_rate=1e38), rows)
    assert list((tmp_path / "models").iterdir()) == []


def test_only_weights_are_shipped(tmp_path: Path, config, settings, rows: Features) -> None:
    import h5py

    models = _train(tmp_path, config, replace(settings, epochs=1), rows)
    with h5py.File(models / "model.weights.h5") as file:
        assert "optimizer" not in file
    assert json.loads((models / "config.json").read_text())["arch"] == "seq2seq"


def test_onnx_says_what_keras_says_and_another_model_is_noticed(
    tmp_path: Path, config, rows: Features
) -> None:
    import onnx

    from issuesum.bundle.convert import convert
    from issuesum.bundle.parity import check_parity
    from issuesum.model.interface import create_model

    model = create_model(config)
    convert(model, body_maxlen=9, opset=18, target=tmp_path)
    assert check_parity(model, tmp_path, rows, tolerance=1e-4) < 1e-4
    model.vocabulary.bias.assign_add([0.5] * 15 + [0.0] * 15)
    with pytest.raises(ArtifactError, match=r"ONNX and Keras must agree to 0\.0001.*64 rows"):
        check_parity(model, tmp_path, rows, tolerance=1e-4)
    # NaN is neither above nor below any tolerance.
    model.vocabulary.bias.assign([float("nan")] * 30)
    with pytest.raises(ArtifactError, match="must give finite log-probabilities"):
        check_parity(model, tmp_path, rows, tolerance=1e-4)
    model.vocabulary.bias.assign([0.0] * 30)
    broken = tmp_path / "nan"
    broken.mkdir()
    convert(model, body_maxlen=9, opset=18, target=broken)
    graph = onnx.load(broken / "decoder.onnx")
    for tensor in graph.graph.initializer:
        if list(tensor.dims) == [12, 30]:
            tensor.CopyFrom(
                onnx.numpy_helper.from_array(np.full((12, 30), np.nan, np.float32), tensor.name)
            )
    onnx.save(graph, broken / "decoder.onnx")
    with pytest.raises(ArtifactError, match=r"must agree to 0\.0001.*Received: inf"):
        check_parity(model, broken, rows, tolerance=1e-4)
    (tmp_path / "encoder.onnx").write_bytes(b"no graph")
    with pytest.raises(ArtifactError, match="must be an ONNX graph"):
        Graphs(tmp_path)


def test_an_unknown_architecture_is_named(config) -> None:
    from issuesum.model.interface import create_model

    with pytest.raises(ParamsError, match=r"train\.arch must name a module.*Received: nothing"):
        create_model(replace(config, arch="nothing"))


@pytest.mark.parametrize("content", [None, "", "{}", '{"format": 1, "arch": "x"}'])
def test_a_broken_configuration_is_refused(content: str | None, tmp_path: Path) -> None:
    from issuesum.model.interface import ModelConfig

    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ArtifactError, match=r"config\.json must describe a model of format 1"):
        ModelConfig.load(path)
