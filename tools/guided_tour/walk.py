"""Does what the tour says, step by step, and keeps what happened."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
import time
from dataclasses import dataclass

from guided_tour.checks import CHECKS, Scene
from guided_tour.house import House
from guided_tour.script import Check, Command, Step, TourError
from guided_tour.shell import Shell

_WIDTH = 100
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")  # on a terminal its text is enough


@dataclass(frozen=True)
class Told:
    """A command that was run.

    Attributes:
        command: what was typed.
        output: all that it said.
    """

    command: Command
    output: str


Happened = str | Check | Told


@dataclass(frozen=True)
class Walked:
    """A step that was done.

    Attributes:
        title: of the step.
        happened: its prose, its commands with what they said, the facts that hold.
        seconds: that it took.
    """

    title: str
    happened: list[Happened]
    seconds: float


def walk(house: House, steps: tuple[Step, ...]) -> list[Walked]:
    """Do the steps in a shell of their own, and show everything as it comes.

    Raises:
        TourError: a command ended otherwise than it must, or a fact does not hold.
    """
    done = []
    shell = Shell(house.folder, house.environment(os.environ))
    try:
        for number, step in enumerate(steps, start=1):
            print(f"\n{number}. {step.title}")
            started = time.monotonic()
            happened = _take(house, shell, step)
            done.append(Walked(step.title, happened, time.monotonic() - started))
            print(f"({done[-1].seconds:.0f} s)", flush=True)
    finally:
        shell.close()
    return done


def _take(house: House, shell: Shell, step: Step) -> list[Happened]:
    happened: list[Happened] = []
    output = ""
    for part in step.parts:
        match part:
            case Command():
                print(f"\n$ {part.text}", flush=True)
                output = shell.run(part, lambda text: print(text, end="", flush=True))
                happened.append(Told(part, output))
            case Check():
                _check(Scene(house.folder, output, house.environment(os.environ)), step, part)
                print(f"✓ {part.says}", flush=True)
                happened.append(part)
            case _:
                print(f"\n{textwrap.fill(_LINK.sub(r'\1', part), _WIDTH)}")
                happened.append(part)
    return happened


def _check(scene: Scene, step: Step, fact: Check) -> None:
    try:
        why = "" if CHECKS[fact.name](scene, fact.value) else "it does not"
    except (ValueError, KeyError, subprocess.CalledProcessError) as error:
        why = f"{type(error).__name__}: {error}"
    if why:
        raise TourError(
            f"{step.title}: it must hold that {fact.says}. Received: {why}. "
            "Try: read what the last commands said, above."
        )
