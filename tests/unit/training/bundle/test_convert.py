"""The graphs compute what Keras computes, and a difference is noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiny_models
from issuesum.errors import ArtifactError
from issuesum.serving.inference.graphs import ATTENTION, DECODER, ENCODER, Graphs

pytestmark = [
    pytest.mark.slow,
    # TensorFlow, tf2onnx and Keras warn of their own code.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.mark.parametrize("arch", tiny_models.ARCHITECTURES)
def test_onnx_says_what_keras_says_and_another_model_is_noticed(arch: str, tmp_path: Path) -> None:
    import keras
    import onnx

    from issuesum.training.bundle.convert import check_parity, convert
    from issuesum.training.model.interface import create_model
    from issuesum.training.model.layers import GRU

    call = GRU.call
    keras.utils.set_random_seed(3)
    rows = tiny_models.rows(64)
    rows.body[-1] = rows.body_extended[-1] = 0  # a body without any word
    model = create_model(tiny_models.config(arch))
    if arch == "pointer":
        # A share of 1e-7 left for copying: where a trained model was once 0.3 off.
        model.generate.bias.assign([16.0])
    convert(model, body_maxlen=9, opset=18, target=tmp_path)
    if arch == "pointer":
        first = [(tmp_path / name).read_bytes() for name in (ENCODER, DECODER)]
        convert(model, body_maxlen=9, opset=18, target=tmp_path)
        again = [(tmp_path / name).read_bytes() for name in (ENCODER, DECODER)]
        assert again == first, "what is traced again must give the same bytes"
        assert GRU.call is call
        for name, count in ((ENCODER, 2), (DECODER, 0)):
            kinds = [node.op_type for node in onnx.load(tmp_path / name).graph.node]
            assert kinds.count("GRU") == count
            assert "Loop" not in kinds
    assert check_parity(model, tmp_path, rows, tolerance=1e-4) < 1e-4
    graphs = Graphs(tmp_path)
    assert graphs.has_attention or arch != "pointer"
    if graphs.has_attention:
        first = rows.title_extended[:, 0].copy()
        seen, _ = graphs.step(first, graphs.encode(rows.body, rows.body_extended), ATTENTION)
        _, changed = model.step(first, model.encode(rows.body, rows.body_extended))
        np.testing.assert_allclose(seen, changed["attention"].numpy(), atol=1e-5)

    weights = model.get_weights()
    draw = np.random.default_rng(0)
    model.set_weights([of + draw.normal(0, 0.3, of.shape) for of in weights])
    with pytest.raises(ArtifactError, match=r"ONNX and Keras must agree to 0\.0001.*64 rows"):
        check_parity(model, tmp_path, rows, tolerance=1e-4)
    # NaN is neither above nor below any tolerance.
    model.set_weights([np.full_like(of, np.nan) for of in weights])
    with pytest.raises(ArtifactError, match="must give finite log-probabilities"):
        check_parity(model, tmp_path, rows, tolerance=1e-4)

    model.set_weights(weights)
    graph = onnx.load(tmp_path / "decoder.onnx")
    broken = max(
        (of for of in graph.graph.initializer if 30 in of.dims), key=lambda of: np.prod(of.dims)
    )
    values = np.full(tuple(broken.dims), np.nan, np.float32)
    broken.CopyFrom(onnx.numpy_helper.from_array(values, broken.name))
    onnx.save(graph, tmp_path / "decoder.onnx")
    with pytest.raises(ArtifactError, match=r"must agree to 0\.0001.*Received: nan"):
        check_parity(model, tmp_path, rows, tolerance=1e-4)
    (tmp_path / "encoder.onnx").write_bytes(b"no graph")
    with pytest.raises(ArtifactError, match="must be an ONNX graph"):
        Graphs(tmp_path)


def test_a_gru_that_begins_in_a_given_state_says_the_same_in_onnx() -> None:
    import onnxruntime
    import tensorflow as tf
    import tf2onnx

    from issuesum.training.bundle import convert
    from issuesum.training.model.layers import GRU

    layer, draw = GRU(4), np.random.default_rng(0)
    inputs, hidden = (draw.normal(size=of).astype(np.float32) for of in ((2, 5, 3), (2, 4)))
    expected = layer(inputs, hidden).numpy()
    signature = [
        tf.TensorSpec((None, None, 3), name="inputs"),
        tf.TensorSpec((None, 4), name="hidden"),
    ]
    traced = tf.function(layer, input_signature=signature, autograph=False)
    with convert.quiet_stderr(), convert._marked_recurrence():
        proto, _ = tf2onnx.convert.from_function(
            traced, input_signature=signature, opset=18, custom_op_handlers=convert._HANDLERS
        )
    assert [node.op_type for node in proto.graph.node].count("GRU") == 1
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    (found,) = session.run(None, {"inputs": inputs, "hidden": hidden})
    np.testing.assert_allclose(found, expected, atol=1e-6)
