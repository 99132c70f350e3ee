"""A shell that goes on from one command to the next, as that of a person does."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from guided_tour.script import Command, TourError


class Shell:
    """A running `sh`: folder and variables that one command sets are those of the next."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        """Start it.

        Args:
            folder: where it begins.
            env: its whole environment.
        """
        self._end = f"end-{secrets.token_hex(8)}"
        self._process = subprocess.Popen(
            ["sh"],
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )

    def run(self, command: Command, say: Callable[[str], None]) -> str:
        """Run one command and hand on each line as it comes.

        Returns:
            Everything that it said on both streams.

        Raises:
            TourError: it ended otherwise than it must, or ended the shell.
        """
        into, out = self._process.stdin, self._process.stdout
        assert into is not None  # noqa: S101 -- both are pipes
        assert out is not None  # noqa: S101
        try:
            into.write(f"{{ {command.text}\n}} </dev/null\nprintf '\\n%s %s\\n' {self._end} $?\n")
            into.flush()
        except BrokenPipeError as error:
            raise TourError(
                f"the shell must run on. Received: its end before {_first(command)}."
            ) from error
        lines: list[str] = []
        said = 0
        for line in out:
            if line.startswith(f"{self._end} "):
                code = int(line.split()[1])
                break
            lines.append(line)
            # Blank lines wait for what follows: the one before the end mark is ours.
            if line != "\n":
                say("".join(lines[said:]))
                said = len(lines)
        else:
            raise TourError(f"the shell must run on. Received: its end at {_first(command)}.")
        if lines[-1] == "\n":
            lines.pop()
        if code != command.ends_with:
            raise TourError(
                f"{_first(command)} must end with {command.ends_with}. Received: {code}. "
                "Try: read what it said, above."
            )
        return "".join(lines)

    def close(self) -> None:
        """End it. What it started and left behind may hold the pipe, and is not waited for."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()


def _first(command: Command) -> str:
    return f"`{command.text.splitlines()[0]}`"
