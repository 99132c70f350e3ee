"""What Prometheus is given of each request: how long it took, and whether the texts drift.

Shares are ratios of counters, so that they hold for any time span and of all workers together:
`rate(issuesum_body_words_unknown_total[1h]) / rate(issuesum_body_words_total[1h])`. seldon-core may
miss an increment where two threads of a worker end at once, which leaves shares as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from issuesum.serving.inference.title import Title
from issuesum.serving.inference.writer import WordCounts


def of_titles(best: Sequence[Title], *, counts: WordCounts, seconds: float) -> list[dict[str, Any]]:
    """Return a request's metrics in Seldon's form.

    Args:
        best: the titles.
        counts: of the words that the model read.
        seconds: that the answer took.
    """
    words = sum(len(title.words) for title in best)
    copied = sum(word.copied for title in best for word in title.words)
    return [
        _metric("TIMER", "issuesum_latency_seconds", 1000 * seconds),
        _metric("COUNTER", "issuesum_titles", len(best)),
        _metric("COUNTER", "issuesum_title_words", words),
        _metric("COUNTER", "issuesum_title_words_copied", copied),
        _metric("COUNTER", "issuesum_body_words", counts.words),
        _metric("COUNTER", "issuesum_body_words_unknown", counts.unknown),
        _metric("GAUGE", "issuesum_title_length", words / max(1, len(best))),
        _metric("GAUGE", "issuesum_copy_share", copied / max(1, words)),
        _metric("GAUGE", "issuesum_unknown_share", counts.unknown / max(1, counts.words)),
    ]


def of_feedback(reward: float, *, corrected: bool) -> list[dict[str, Any]]:
    """Return the metrics of a message of feedback."""
    # seldon-core sums rewards too, but over gRPC those that are refused as well.
    return [
        _metric("COUNTER", "issuesum_feedback", 1),
        _metric("COUNTER", "issuesum_feedback_reward", reward),
        _metric("COUNTER", "issuesum_feedback_corrected", int(corrected)),
    ]


def _metric(kind: str, key: str, value: float) -> dict[str, Any]:
    return {"type": kind, "key": key, "value": value}
