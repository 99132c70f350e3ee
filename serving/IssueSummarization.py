"""The Seldon component: a thin class over issuesum.inference.

Run by `seldon-core-microservice IssueSummarization --service-type MODEL`. The model is loaded in
`load`, never in `__init__`: under gunicorn each worker must load its own (seldon-core#2220).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from seldon_core.flask_utils import SeldonMicroserviceException

from issuesum.inference.check import PROBE
from issuesum.inference.writer import TitleWriter

HERE = Path(__file__).parent


class IssueSummarization:
    """Answers bodies of GitHub issues with titles."""

    def __init__(self) -> None:
        """Read what this image is and try the model, in a process of its own.

        An error in `load` does not end the server: gunicorn gives up, but waits for the gRPC
        process, which waits for ever. So a model that cannot answer is found here.

        Raises:
            SystemExit: the model does not work; the reason is in the log.
        """
        self._writer: TitleWriter | None = None
        self._threads = int(os.environ.get("ISSUESUM_THREADS", "1"))
        self._provenance = json.loads((HERE / "provenance.json").read_text(encoding="utf-8"))
        tried = subprocess.run(
            [sys.executable, "-m", "issuesum.inference.check", str(HERE / "model")],
            cwd=HERE,
            check=False,
        )
        if tried.returncode:
            raise SystemExit(tried.returncode)

    def load(self) -> None:
        """Load the model, once in each worker."""
        self._writer = TitleWriter(HERE / "model", threads=self._threads)

    def predict(self, X: Any, names: Any, meta: Any = None) -> list[str]:  # noqa: ANN401, ARG002, N803
        """Return one title for each text.

        Args:
            X: strings of shape (texts,) or (texts, 1), or one string.
            names: of the columns; not used.
            meta: of the request; not used.

        Raises:
            SeldonMicroserviceException: 400, the request holds something else.
        """
        return self._loaded().titles(_texts(X))

    def tags(self) -> dict[str, str]:
        """Name what answers: image, Git commit and the DVC hash of the bundle."""
        return {key: self._provenance[key] for key in ("image", "git", "dvc")}

    def init_metadata(self) -> dict[str, Any]:
        """Describe the model for `/metadata`."""
        return {
            "name": "IssueSummarization",
            "versions": [self._provenance["image"]],
            "platform": "seldon",
            "inputs": [{"messagetype": "ndarray", "schema": {"names": ["body"], "shape": [1]}}],
            "outputs": [{"messagetype": "ndarray", "schema": {"names": ["title"], "shape": [1]}}],
            "custom": {key: self._provenance[key] for key in ("git", "dvc")},
        }

    def health_status(self) -> list[str]:
        """Really predict; an error here is a failed probe."""
        return self._loaded().titles([PROBE])

    def _loaded(self) -> TitleWriter:
        if self._writer is None:
            raise SeldonMicroserviceException("the model is not loaded yet", status_code=503)
        return self._writer


def _texts(values: Any) -> list[str]:  # noqa: ANN401 -- whatever a client sends
    array = np.asarray(values, dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:  # noqa: PLR2004 -- a column of texts
        array = array[:, 0]
    texts = array.reshape(-1).tolist() if array.ndim <= 1 else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise SeldonMicroserviceException(
            'data.ndarray must hold texts: ["…"] or [["…"], …]. '
            f"Received: {type(values).__name__} of shape {array.shape}.",
            status_code=400,
            reason="BAD_REQUEST",
        )
    return texts
