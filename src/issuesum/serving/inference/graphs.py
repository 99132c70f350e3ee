"""The two ONNX graphs of a bundle.

encoder.onnx takes `body` and, if the model copies, `body_extended`, both int32 (batch, body
maxlen), and gives named state tensors. decoder.onnx takes `previous`, int32 (rows,), and that
state, a row for each of `previous`; only of tensors named `shared_NAME` it takes what the encoder
gave, and `body_number` may be one for all rows. It gives `probabilities`, float32 (rows, outputs),
and `next_NAME` for every state tensor NAME that the step changes. `outputs` counts the ids of the
title vocabulary and, if the model copies, those that a row's own words can have (see
`text.features`). A model with attention also gives `attention`, float32 (rows, places), with at
most as many places as `body`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from issuesum.errors import ArtifactError, one_line
from issuesum.text.vocabulary import Ids

if TYPE_CHECKING:
    import onnxruntime

ENCODER = "encoder.onnx"
DECODER = "decoder.onnx"
BODY = "body"
BODY_EXTENDED = "body_extended"
PREVIOUS = "previous"
PROBABILITIES = "probabilities"
ATTENTION = "attention"
NEXT = "next_"
SHARED = "shared_"
BODY_NUMBER = "body_number"

Floats = npt.NDArray[np.float32]
RowNumbers = npt.NDArray[np.int64]
State = dict[str, npt.NDArray[Any]]


class Graphs:
    """An encoder and a decoder step; safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        """Load both graphs; ArtifactError: one is absent or broken."""
        self._encoder, self._decoder = _session(folder / ENCODER), _session(folder / DECODER)
        self._inputs = {given.name for given in self._encoder.get_inputs()}
        self._state = [output.name for output in self._encoder.get_outputs()]
        given = {output.name for output in self._decoder.get_outputs()}
        self._changed = [name for name in self._state if NEXT + name in given]
        self.has_attention = ATTENTION in given

    def encode(self, body: Ids, body_extended: Ids) -> State:
        """Return the decoder's first state for bodies.

        Both are int32 (batch, body maxlen): ids of the body vocabulary, and extended title ids.
        """
        given = {BODY: body, BODY_EXTENDED: body_extended}
        fed = {name: ids for name, ids in given.items() if name in self._inputs}
        return dict(zip(self._state, self._encoder.run(self._state, fed), strict=True))

    def step(
        self, previous: Ids, state: State, output: str = PROBABILITIES
    ) -> tuple[Floats, State]:
        """Return an output of the decoder and the next state.

        `previous`, int32 (rows,), is the extended title id of the word before. The output is
        PROBABILITIES of the next word, float32 (rows, outputs), or ATTENTION to the places of the
        body for it, float32 (rows, places), the first word first.
        """
        wanted = [output, *(NEXT + name for name in self._changed)]
        answer, *changed = self._decoder.run(wanted, {PREVIOUS: previous, **state})
        return answer, {**state, **dict(zip(self._changed, changed, strict=True))}

    def take(self, state: State, rows: RowNumbers) -> State:
        """Return the state of these rows, int64 (rows,): more, fewer or others than before."""
        moved = {of for of in state if not of.startswith(SHARED)}
        if len(state.get(BODY_NUMBER, ())) == 1:  # all rows are of one body, which is not copied
            moved.remove(BODY_NUMBER)
        return {of: state[of].take(rows, axis=0) if of in moved else state[of] for of in state}


def _session(path: Path) -> onnxruntime.InferenceSession:
    # Where it is imported without, it makes a number for this machine, keeps it in the user's
    # folder, and sends that and what models are run to Microsoft (since 1.29).
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the caller's: no operation is large enough for more
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no base class
        raise ArtifactError(
            f"{path} must be an ONNX graph. Received: {one_line(error)}. Try: dvc repro -f build."
        ) from error
