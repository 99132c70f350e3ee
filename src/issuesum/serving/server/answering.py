"""From a request to its answer, whatever protocol it came by, within limits."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from issuesum.errors import ParamsError
from issuesum.serving.inference.writer import PROBE, TitleWriter, WordCounts
from issuesum.serving.server import metrics
from issuesum.serving.server.messages import RequestError, read_request, response


@dataclass(frozen=True)
class Limits:
    """Bounds from the environment, so that no one request can hurt the others.

    Attributes:
        request_bytes: of a request's body; ISSUESUM_MAX_REQUEST_BYTES.
        texts: bodies in a request; ISSUESUM_MAX_TEXTS. A batch holds a worker for as long as it
            takes, a few milliseconds a title.
        threads: of onnxruntime in one call; ISSUESUM_THREADS. One, because gunicorn's workers and
            threads are what uses the other cores.
    """

    request_bytes: int = 8 * 1024 * 1024
    texts: int = 512
    threads: int = 1

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Limits:
        """Return the bounds that the environment sets, and the defaults of the others.

        Raises:
            ParamsError: a value is no positive whole number.
        """

        def number(name: str, default: int) -> int:
            text = environment.get(name, str(default))
            if text.isascii() and text.isdigit() and int(text) > 0:
                return int(text)
            raise ParamsError(
                f"{name} must be a positive whole number. Received: {text!r}. Try: {default}."
            )

        return cls(
            request_bytes=number("ISSUESUM_MAX_REQUEST_BYTES", cls.request_bytes),
            texts=number("ISSUESUM_MAX_TEXTS", cls.texts),
            threads=number("ISSUESUM_THREADS", cls.threads),
        )


class Answering:
    """A model behind Seldon's messages; safe to call from several threads once it is loaded."""

    def __init__(self, limits: Limits, tags: dict[str, str]) -> None:
        """Keep the limits of a request, and the tags that every answer has."""
        self.limits, self.tags = limits, tags
        self._writer: TitleWriter | None = None

    def load(self, folder: Path) -> None:
        """Load a bundle's `model` folder, as `TitleWriter` does."""
        self._writer = TitleWriter(folder, threads=self.limits.threads)

    def check(self) -> list[str]:
        """Write a title for a made-up issue; raise RequestError if the model is not loaded."""
        return self._loaded().titles([PROBE])

    def answer(self, message: Any) -> dict[str, Any]:  # noqa: ANN401 -- whatever a client sends
        """Answer a SeldonMessage, given as JSON, with another; what is refused has `status`."""
        started = time.perf_counter()
        counts = WordCounts()
        try:
            request = read_request(message, most=self.limits.texts)
            titles = self._loaded().write(
                request.bodies, alternatives=request.alternatives, counts=counts
            )
        except RequestError as error:
            return {**error.as_status(), "meta": {"tags": self.tags}}
        seconds = time.perf_counter() - started
        measured = metrics.of_titles([best for best, *_ in titles], counts=counts, seconds=seconds)
        return {"meta": {"tags": self.tags, "metrics": measured}, **response(request, titles)}

    def _loaded(self) -> TitleWriter:
        if self._writer is None:
            raise RequestError("The model is not loaded yet.", status=503, reason="NOT_LOADED")
        return self._writer
