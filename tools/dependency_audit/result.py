"""What came of a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "found", "not checked"]


@dataclass(frozen=True)
class Result:
    """An answer.

    Attributes:
        question: in a word or two.
        state: `not checked` where nobody answered, which is no `ok`.
        told: what was looked at, or why nobody answered.
        found: what somebody must look at, one line each.
    """

    question: str
    state: State
    told: str
    found: tuple[str, ...] = ()


def last_line(said: str) -> str:
    """Return what a program said last, as a reason that no one answered."""
    return (said.strip().splitlines() or ["no output"])[-1].strip()[:200]


def judged(question: str, told: str, found: list[str]) -> Result:
    """Return the result of a question that was answered."""
    return Result(question, "found" if found else "ok", told, tuple(found))
