"""What the four services have in common: three verbs and a line about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Report:
    """One printed line.

    Attributes:
        name: which service.
        address: where it answers.
        state: "started", "already running", "from the environment", "stopped", …
        up: whether it can be used now.
        log: where it writes what it does, if it was started from here.
    """

    name: str
    address: str
    state: str
    up: bool
    log: Path | None = None

    def __str__(self) -> str:
        """The line, in columns."""
        line = f"{self.name:<9} {self.address:<30} {self.state:<20}"
        return f"{line} log: {self.log}" if self.log else line.rstrip()


class Service(Protocol):
    """Something that the pipeline talks to."""

    name: str

    def up(self) -> Report:
        """Use what is there, else start it, and return when it answers."""

    def status(self) -> Report:
        """Look, and change nothing."""

    def down(self) -> Report | None:
        """Stop what was started from this state folder; None if there was nothing."""

    def exports(self) -> dict[str, str]:
        """What a shell or a program must know to use it. Call after `up`."""
