"""The two ONNX graphs of a bundle.

encoder.onnx takes `body`, int32 (batch, body maxlen), and gives named state tensors. decoder.onnx
takes `previous`, int32 (batch,), and that state; it gives `log_probs`, float32 (batch, title ids),
and `next_NAME` for every state tensor NAME that the step changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from issuesum.errors import ArtifactError
from issuesum.text.vocabulary import Ids

ENCODER = "encoder.onnx"
DECODER = "decoder.onnx"
BODY = "body"
PREVIOUS = "previous"
LOG_PROBS = "log_probs"
NEXT = "next_"

Floats = npt.NDArray[np.float32]
State = dict[str, npt.NDArray[Any]]


class Graphs:
    """An encoder and a decoder step; safe to call from several threads."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        """Load both graphs.

        Args:
            folder: holds encoder.onnx and decoder.onnx.
            threads: of one call; 0 lets onnxruntime take every core.

        Raises:
            ArtifactError: a graph is missing or broken.
        """
        self._encoder = _session(folder / ENCODER, threads)
        self._decoder = _session(folder / DECODER, threads)
        self._state = [output.name for output in self._encoder.get_outputs()]
        self._changed = [
            output.name.removeprefix(NEXT)
            for output in self._decoder.get_outputs()
            if output.name.startswith(NEXT)
        ]

    def encode(self, body: Ids) -> State:
        """Read bodies.

        Args:
            body: int32 (batch, body maxlen).

        Returns:
            The decoder's first state.
        """
        return dict(zip(self._state, self._encoder.run(self._state, {BODY: body}), strict=True))

    def step(self, previous: Ids, state: State) -> tuple[Floats, State]:
        """Score the next word.

        Args:
            previous: int32 (batch,), the word before.
            state: of `encode` or of the step before.

        Returns:
            Log-probabilities, float32 (batch, title ids), and the next state.
        """
        wanted = [LOG_PROBS, *(NEXT + name for name in self._changed)]
        log_probs, *changed = self._decoder.run(wanted, {PREVIOUS: previous, **state})
        return log_probs, {**state, **dict(zip(self._changed, changed, strict=True))}


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no base class
        reason = " ".join(str(error).split())
        raise ArtifactError(
            f"{path} must be an ONNX graph. Received: {reason}. Try: dvc repro -f build."
        ) from error
