"""What every architecture must do, and what each is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import tiny_models
from issuesum.errors import ArtifactError, ParamsError

pytestmark = pytest.mark.slow  # TensorFlow takes ten seconds to load


def _inputs(rows):
    from issuesum.training.model.interface import Inputs

    return Inputs(rows.body, rows.body_extended, rows.title_extended[:, :-1])


def _noise(rows: int, step: int = 0):
    import tensorflow as tf

    from issuesum.training.model.layers import Noise

    return Noise(tf.constant([7, step]), tf.range(rows), rows)


@pytest.fixture(scope="module", params=tiny_models.ARCHITECTURES)
def model(request: pytest.FixtureRequest):
    import keras

    from issuesum.training.model.interface import create_model

    keras.utils.set_random_seed(3)
    model = create_model(tiny_models.config(request.param))
    # Weights that are far from their start, so that every part has a say.
    draw = np.random.default_rng(0)
    model.set_weights([of + draw.normal(0, 0.3, of.shape) ** 2 for of in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def rows():
    return tiny_models.rows(24)


def test_outputs_are_probabilities(model, rows) -> None:
    log_probs = model(_inputs(rows)).numpy()
    assert log_probs.shape in {(24, 5, 30), (24, 5, 30 + 9)}
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=-1), 1, rtol=1e-5)


def test_writing_word_by_word_says_what_the_whole_row_says(model, rows) -> None:
    whole = model(_inputs(rows)).numpy()
    state = model.encode(rows.body, rows.body_extended)
    for place in range(5):
        log_probs, changed = model.step(rows.title_extended[:, place], state)
        state = {name: changed.get(name, of) for name, of in state.items()}
        np.testing.assert_allclose(log_probs, whole[:, place], atol=2e-5)


def test_the_loss_is_minus_the_log_probability_of_the_word(model, rows) -> None:
    target = rows.title_extended[:, 1:]
    log_probs = model(_inputs(rows)).numpy()
    reachable = np.where(target < log_probs.shape[-1], target, 1)
    expected = -np.take_along_axis(log_probs, reachable[..., None], axis=-1)[..., 0]
    losses = model.losses(_inputs(rows), target, smoothing=0.0).numpy()
    learnt = target > 1
    np.testing.assert_allclose(losses[learnt], expected[learnt], rtol=1e-4, atol=1e-5)


def test_smoothing_asks_for_some_probability_everywhere(model, rows) -> None:
    target = rows.title_extended[:, 1:]
    sharp = model.losses(_inputs(rows), target, smoothing=0.0).numpy()
    smooth = model.losses(_inputs(rows), target, smoothing=0.1).numpy()
    even = (smooth - 0.9 * sharp) / 0.1
    assert (even > np.log(20)).all(), "an even spread over 30 words costs at least log 30 or so"


@pytest.fixture(scope="module")
def pointer():
    import keras

    from issuesum.training.model.interface import create_model

    keras.utils.set_random_seed(3)
    return create_model(tiny_models.config("pointer"))


def test_the_gradient_of_a_scan_is_that_of_its_steps() -> None:
    import tensorflow as tf

    from issuesum.training.model.layers import gru_scan, gru_step

    draw = np.random.default_rng(5)
    shapes = [(4, 2, 3, 15), (2, 3, 5), (2, 5, 15)]  # 4 steps in 2 directions, 3 rows, 5 units
    given = [tf.constant(draw.normal(size=shape), tf.float32) for shape in shapes]

    def one_by_one(projected, hidden, kernel):
        states = [hidden]
        for inputs in tf.unstack(projected):
            states.append(gru_step(inputs, states[-1], kernel))
        return tf.stack(states[1:])

    found = []
    for scan in (gru_scan, one_by_one):
        with tf.GradientTape() as tape:
            tape.watch(given)
            states = scan(*given)
            loss = tf.reduce_sum(states**2)
        found.append([states, *tape.gradient(loss, given)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_padding_changes_nothing(pointer, rows) -> None:
    short = rows.take(np.flatnonzero((rows.body != 0).sum(axis=1) <= 6))
    cut = [ids[:, -6:] for ids in (short.body, short.body_extended)]
    whole = pointer(_inputs(short)).numpy()
    narrow = pointer(_inputs(short)._replace(body=cut[0], body_extended=cut[1])).numpy()
    np.testing.assert_allclose(narrow, whole, atol=1e-5)


def test_noise_depends_on_seed_and_row_alone(pointer, rows) -> None:
    target = rows.title_extended[:, 1:]

    def losses(places: slice, step: int = 0):
        part = rows.take(places)
        noise = _noise(24, step)._replace(row=np.arange(24, dtype=np.int32)[places])
        return pointer.losses(_inputs(part), target[places], smoothing=0.0, noise=noise).numpy()

    whole = losses(slice(0, 24))
    np.testing.assert_allclose(losses(slice(8, 16)), whole[8:16], rtol=1e-4, atol=1e-5)
    assert np.abs(losses(slice(0, 24), step=1) - whole).max() > 1e-3


def test_with_the_example_s_widths_it_has_the_example_s_parameters() -> None:
    from issuesum.training.model.interface import ModelConfig, create_model

    sizes = {"body_size": 8002, "body_maxlen": 70, "title_size": 4502, "title_maxlen": 12}
    config = ModelConfig(
        "seq2seq", embedding_dim=300, hidden_units=300, dropout=0, word_dropout=0, **sizes
    )
    assert create_model(config).count_params() == 6_191_702


def test_a_pointer_can_write_a_word_that_no_vocabulary_holds(pointer, rows) -> None:
    pointer.generate.bias.assign([-20.0])  # never the vocabulary
    log_probs = pointer(_inputs(rows)).numpy()
    pointer.generate.bias.assign([0.0])
    best = log_probs.argmax(axis=-1)
    for line in range(24):
        assert set(best[line]) <= set(rows.body_extended[line]) - {0}
    assert np.exp(log_probs[..., 30]).mean() > 0.05
    assert np.exp(log_probs[..., 31:]).max() < 1e-6, "these rows have one word of their own"


def test_attention_is_on_words_and_an_output_to_look_at(pointer, rows) -> None:
    state = pointer.encode(rows.body, rows.body_extended)
    assert "attention" not in state
    _, changed = pointer.step(rows.title_extended[:, 0], state)
    attention = changed["attention"].numpy()
    np.testing.assert_allclose(attention.sum(axis=1), 1, rtol=1e-5)
    lengths = (rows.body != 0).sum(axis=1)
    behind = np.arange(9)[None] >= lengths[:, None]
    assert attention[behind].max(initial=0) == 0


@pytest.mark.parametrize(("name", "near"), [("nothing", "pointer"), ("seq2sec", "seq2seq")])
def test_an_unknown_architecture_is_named_with_those_that_exist(name: str, near: str) -> None:
    from issuesum.training.model.interface import create_model

    there = ", ".join(tiny_models.ARCHITECTURES)
    with pytest.raises(ParamsError, match=f"{there}. Received: {name}. Try: {near}."):
        create_model(tiny_models.config(name))


@pytest.mark.parametrize("content", [None, "", "{}", '{"format": 2, "arch": "x"}'])
def test_a_broken_configuration_is_refused(content: str | None, tmp_path: Path) -> None:
    from issuesum.training.model.interface import ModelConfig

    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ArtifactError, match=r"config\.json must describe a model of format 2"):
        ModelConfig.load(path)


def test_only_weights_are_shipped_and_they_come_back(tmp_path: Path) -> None:
    import h5py

    from issuesum.training.model.interface import create_model, load_model, save_model

    weights = create_model(tiny_models.config()).get_weights()
    save_model(tiny_models.config(), weights, tmp_path)
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert "optimizer" not in file
    assert json.loads((tmp_path / "config.json").read_text())["arch"] == "pointer"
    for one, other in zip(weights, load_model(tmp_path).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    (tmp_path / "model.weights.h5").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match=r"must hold the weights of the model in config\.json"):
        load_model(tmp_path)
