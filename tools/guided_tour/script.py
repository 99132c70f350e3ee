"""Reads what the tour does from `tour.md`: prose, commands, and facts that must hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("tour.md")
SHOWN = {
    "": re.compile(""),
    "stages": re.compile(r"^Running stage|^Stage '|^'.* skipping$|^\w+: "),
    "answer": re.compile(r"answers|^{"),
}
"""Which lines the page keeps of what a command says. On a terminal everything is shown."""
_CHECK = re.compile(r"✓ (.+) <!-- (\w+) ?(.*) -->")


class TourError(Exception):
    """Something is not as the tour says. Tells what must hold and what was found, on one line."""


@dataclass(frozen=True)
class Command:
    """What a person would type.

    Attributes:
        text: a line of shell, or more.
        ends_with: the exit code that it must have.
        shown: a key of SHOWN.
    """

    text: str
    ends_with: int = 0
    shown: str = ""


@dataclass(frozen=True)
class Check:
    """What must hold at this point.

    Attributes:
        says: the fact, in words.
        name: of the function in `checks`.
        value: what that is given.
    """

    says: str
    name: str
    value: str


@dataclass(frozen=True)
class Step:
    """A chapter.

    Attributes:
        title: what it does.
        parts: prose, commands and checks, in their order.
    """

    title: str
    parts: tuple[str | Command | Check, ...]


def read(text: str) -> tuple[Step, ...]:
    """Read a tour.

    Args:
        text: in Markdown: chapters of the second level; blocks of the language `console`, perhaps
            with `ends=` and `shown=`, in which a command begins with `$`; a line for each check.

    Raises:
        TourError: a check is not written as it must be.
    """
    chapters = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return tuple(
        Step(title, tuple(_parts(body)))
        for title, body in zip(chapters[::2], chapters[1::2], strict=True)
    )


def _parts(body: str) -> list[str | Command | Check]:
    parts: list[str | Command | Check] = []
    for block in re.split(r"^(```console.*\n(?:.*\n)*?```)$|\n\n", body, flags=re.MULTILINE):
        text = (block or "").strip()
        if text.startswith("```"):
            parts += _commands(text)
        elif text.startswith("✓"):
            found = _CHECK.fullmatch(text)
            if not found:
                raise TourError(
                    f"a check must be `✓ FACT <!-- NAME VALUE -->`. Received: {text}. "
                    f"Try: see {SOURCE.name}."
                )
            parts.append(Check(*found.groups()))
        elif text:
            parts.append(text)
    return parts


def _commands(block: str) -> list[Command]:
    head, body = block.removesuffix("```").split("\n", 1)
    options = dict(word.split("=") for word in head.split()[1:])
    return [
        Command(text.rstrip("\n"), int(options.get("ends", 0)), options.get("shown", ""))
        for text in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
    ]
