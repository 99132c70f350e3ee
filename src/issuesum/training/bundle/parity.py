"""The exported graphs must say what the Keras model says, on real rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from issuesum.errors import ArtifactError
from issuesum.serving.inference.graphs import Graphs
from issuesum.text.features import Features
from issuesum.training.model.interface import Inputs, TitleModel


def check_parity(model: TitleModel, folder: Path, rows: Features, *, tolerance: float) -> float:
    """Compare teacher-forced log-probabilities at every place of every row.

    Keras answers in one call over the whole title, ONNX word by word, so the comparison also
    covers `encode` and `step` against `call`.

    Args:
        model: the Keras model.
        folder: holds the ONNX graphs.
        rows: real rows, at least one.
        tolerance: largest absolute difference that is accepted.

    Returns:
        The largest absolute difference.

    Raises:
        ArtifactError: the difference is above `tolerance`, or a value is NaN.
    """
    previous = rows.title_extended[:, :-1]
    expected = model(Inputs(rows.body, rows.body_extended, previous)).numpy()
    if not np.isfinite(expected).all():
        raise ArtifactError(
            "The Keras model must give finite log-probabilities. Received: NaN or infinity. "
            "Try: a lower train.learning_rate, then dvc repro."
        )
    graphs = Graphs(folder)
    state = graphs.encode(rows.body, rows.body_extended)
    difference = 0.0
    for place in range(previous.shape[1]):
        log_probs, state = graphs.step(np.ascontiguousarray(previous[:, place]), state)
        # NaN is no maximum for `max`, which would pass it over.
        gap = np.nan_to_num(np.abs(log_probs - expected[:, place]), nan=np.inf)
        difference = max(difference, float(gap.max()))
    if difference > tolerance:
        raise ArtifactError(
            f"ONNX and Keras must agree to {tolerance:g} (build.parity_tolerance). Received: "
            f"{difference:.3g} on {len(rows)} rows. Try: another build.opset, or look for an "
            "operation in the architecture that is exported otherwise."
        )
    return difference
