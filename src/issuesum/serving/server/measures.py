"""What Prometheus is told of each request: how long it took, and whether the texts drift.

Shares are ratios of counters, so that they can be had over any span and of all workers together:
`rate(issuesum_body_words_unknown_total[1h]) / rate(issuesum_body_words_total[1h])`. seldon-core may
miss an increment where two threads of a worker end at once, which leaves shares as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from issuesum.serving.inference.title import Title
from issuesum.serving.inference.writer import Seen


def of_titles(best: Sequence[Title], *, seen: Seen, seconds: float) -> list[dict[str, Any]]:
    """Return a request's metrics in Seldon's form.

    Args:
        best: the titles.
        seen: what the model read.
        seconds: that the answer took.
    """
    words = sum(len(title.words) for title in best)
    copied = sum(word.copied for title in best for word in title.words)
    return [
        {"type": "TIMER", "key": "issuesum_latency_seconds", "value": 1000 * seconds},
        _counter("issuesum_titles", len(best)),
        _counter("issuesum_title_words", words),
        _counter("issuesum_title_words_copied", copied),
        _counter("issuesum_body_words", seen.words),
        _counter("issuesum_body_words_unknown", seen.unknown),
        _gauge("issuesum_title_length", words / max(1, len(best))),
        _gauge("issuesum_copy_share", copied / max(1, words)),
        _gauge("issuesum_unknown_share", seen.unknown / max(1, seen.words)),
    ]


def of_feedback(reward: float, *, corrected: bool) -> list[dict[str, Any]]:
    """Return the metrics of a message of feedback.

    seldon-core sums rewards too, but over gRPC those that are refused as well.
    """
    return [
        _counter("issuesum_feedback", 1),
        _counter("issuesum_feedback_reward", reward),
        _counter("issuesum_feedback_corrected", int(corrected)),
    ]


def _counter(key: str, value: float) -> dict[str, Any]:
    return {"type": "COUNTER", "key": key, "value": value}


def _gauge(key: str, value: float) -> dict[str, Any]:
    return {"type": "GAUGE", "key": key, "value": value}
