"""From a request to its answer and metrics, whatever protocol it came by, within limits.

Prometheus gets shares as ratios of counters, so that they hold for any time span and of all workers
together: `rate(issuesum_body_words_unknown_total[1h]) / rate(issuesum_body_words_total[1h])`.
"""

from __future__ import annotations

import os
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from issuesum.errors import ParamsError
from issuesum.serving.inference.writer import PROBE, Title, TitleWriter
from issuesum.serving.server.messages import RequestError, answer_meta, read_request, response


@dataclass(frozen=True)
class Limits:
    """Bounds from the environment, so that no one request can hurt the others."""

    request_bytes: int = 8 * 1024 * 1024  # of a request's body
    texts: int = 512  # in a request: a batch holds a worker for a few milliseconds a title
    threads: int = 1  # that decode parts of one batch; gunicorn's workers use the other cores

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Limits:
        """Return the environment's bounds; ParamsError if one is no positive whole number."""

        def number(name: str, default: int) -> int:
            text = environment.get(name, str(default))
            if text.isascii() and text.isdigit() and int(text) > 0:
                return int(text)
            raise ParamsError(
                f"{name} must be a positive whole number. Received: {text!r}. Try: {default}."
            )

        return cls(
            number("ISSUESUM_MAX_REQUEST_BYTES", cls.request_bytes),
            number("ISSUESUM_MAX_TEXTS", cls.texts),
            number("ISSUESUM_THREADS", cls.threads),
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
        counts, meta = Counter[str](), {"tags": self.tags}
        try:
            meta = answer_meta(message, self.tags)
            asked = read_request(message, most=self.limits.texts)
            writer = self._loaded()
            titles = writer.write(asked.bodies, alternatives=asked.alternatives, counts=counts)
        except RequestError as error:
            return {**error.as_status(), "meta": meta}
        measured = _metrics([best for best, *_ in titles], counts, time.perf_counter() - started)
        named = {"puid": str(uuid.uuid4()), **meta, "metrics": measured}
        return {"meta": named, **response(asked, titles)}

    def _loaded(self) -> TitleWriter:
        if self._writer is None:
            raise RequestError("The model is not loaded yet.", status=503, reason="NOT_LOADED")
        return self._writer


def _metrics(best: Sequence[Title], counts: Counter[str], seconds: float) -> list[dict[str, Any]]:
    words = sum(len(title.words) for title in best)
    copied = sum(word.copied for title in best for word in title.words)
    return [
        _metric("TIMER", "issuesum_latency_seconds", 1000 * seconds),
        _metric("COUNTER", "issuesum_titles", len(best)),
        _metric("COUNTER", "issuesum_title_words", words),
        _metric("COUNTER", "issuesum_title_words_copied", copied),
        _metric("COUNTER", "issuesum_body_words", counts["words"]),
        _metric("COUNTER", "issuesum_body_words_unknown", counts["unknown"]),
        _metric("GAUGE", "issuesum_title_length", words / max(1, len(best))),
        _metric("GAUGE", "issuesum_copy_share", copied / max(1, words)),
        _metric("GAUGE", "issuesum_unknown_share", counts["unknown"] / max(1, counts["words"])),
    ]


def feedback_metrics(reward: float, *, corrected: bool) -> list[dict[str, Any]]:
    """Return the metrics of a message of feedback in Seldon's form."""
    # seldon-core sums rewards too, but over gRPC those that are refused as well.
    return [
        _metric("COUNTER", "issuesum_feedback", 1),
        _metric("COUNTER", "issuesum_feedback_reward", reward),
        _metric("COUNTER", "issuesum_feedback_corrected", int(corrected)),
    ]


def _metric(kind: str, key: str, value: float) -> dict[str, Any]:
    return {"type": kind, "key": key, "value": value}
