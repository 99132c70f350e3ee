"""Curves of a training, as DVCLive writes and DVC compares them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from dvclive.live import Live

EXAMPLES_PER_SECOND = "train/examples_per_second"


class Curves:
    """Writes one point of each curve after each validation."""

    def __init__(self, folder: Path, speed: Path) -> None:
        """Begin without a point.

        Args:
            folder: gets metrics.json and plots/; equal trainings write equal bytes.
            speed: table of the examples a second, which are never equal.
        """
        self._speed = speed
        speed.parent.mkdir(parents=True, exist_ok=True)
        speed.write_text("step\texamples_per_second\n", encoding="utf-8")
        # dvc.yaml is ours to write, and a stage must not commit experiments behind DVC's back.
        self._live = Live(str(folder), dvcyaml=False, save_dvc_exp=False, monitor_system=False)

    def __enter__(self) -> Self:
        """Give the curves themselves."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the curves."""
        self._live.end()  # type: ignore[no-untyped-call]

    def add(self, record: Mapping[str, float]) -> None:
        """Write the next point of each curve.

        Args:
            record: values by name, `split/metric`.
        """
        for name, value in record.items():
            if name == EXAMPLES_PER_SECOND:
                with self._speed.open("a", encoding="utf-8") as file:
                    file.write(f"{self._live.step}\t{value:.1f}\n")
            else:
                self._live.log_metric(name, value)
        self._live.next_step()  # type: ignore[no-untyped-call]

    def best(self, record: Mapping[str, float]) -> None:
        """Write the values of the validation that is kept; they have no curve."""
        for name, value in record.items():
            if name != EXAMPLES_PER_SECOND:
                self._live.log_metric(f"best/{name}", value, plot=False)
