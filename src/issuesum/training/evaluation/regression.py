"""Whether a model is worse than the one that people have now."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Judged:
    """An image and what it reached on the test side.

    Attributes:
        image: as `docker pull` takes it.
        rouge_l: F1 times 100.
    """

    image: str
    rouge_l: float


def regressions(new: Judged, live: Judged, *, rows: int, max_regression: float) -> list[str]:
    """Return why `new` should not take the place of `live`; nothing if it may.

    Args:
        new: what is to be shipped.
        live: what is served.
        rows: test issues that both were scored on.
        max_regression: ROUGE-L points that may be lost.
    """
    lost = round(live.rouge_l - new.rouge_l, 4)
    if lost <= max_regression:
        return []
    reason = (
        f"ROUGE-L of {new.image} is {new.rouge_l:.2f} and that of the live {live.image} is "
        f"{live.rouge_l:.2f} on the same {rows:,} test issues: {lost:.2f} lost, more than "
        f"evaluate.gate.max_regression = {max_regression:g}"
    )
    return [reason]
