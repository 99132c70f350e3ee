"""Ratios that a benchmark hands to whoever asks for them with `--json FILE`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from issuesum.files import write_json


@dataclass(frozen=True)
class Ratio:
    """Two measures of one run, the one divided by the other.

    Attributes:
        what: which, in words that need no context; the one that is divided comes first.
        value: of the division.
        at_most: the largest value that the documentation promises, if it promises any.
    """

    what: str
    value: float
    at_most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it is what the documentation promises."""
        return self.at_most is None or self.value <= self.at_most


def add_option(parser: argparse.ArgumentParser) -> None:
    """Have a command line take `--json FILE`."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there too")


def hand_over(ratios: Iterable[Ratio], target: Path | None) -> None:
    """Write ratios to the file that `--json` names, if any."""
    if target:
        write_json(target, [asdict(ratio) for ratio in ratios])


def read(path: Path) -> list[Ratio]:
    """Return what `hand_over` wrote, or nothing if there is no such file."""
    if not path.exists():
        return []
    return [Ratio(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
