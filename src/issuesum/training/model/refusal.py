"""What is said of an architecture that cannot be used: one line that names the place."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from issuesum.errors import IssuesumError, ParamsError, one_line

_LONGEST = 300
_NOISE = re.compile(r"\x1b\[[0-9;]*m|\{\{function_node .*?\}\} *")  # colours, names of nodes
_FOLLOWS = re.compile(r"\n+Arguments received by |\n*\[\[\{\{| \[Op:")
_AROUND = re.compile(
    r"\s*$|\s*File \"|Exception encountered when calling|Detected at |Graph execution error"
)


def refused(arch: str, part: str, must: str, received: str) -> ParamsError:
    """Return the error for a part of an architecture that is not as `TitleModel` says.

    Args:
        arch: value of `train.arch`.
        part: what is wrong, `step` say.
        must: what it has to do.
        received: what it did.
    """
    return ParamsError(
        f"{part} of the architecture {arch} must {must}. Received: {received}. "
        "Try: compare with docs/architectures.md."
    )


@contextmanager
def running(arch: str, part: str) -> Iterator[None]:
    """Turn whatever a part of an architecture raises into one line.

    Raises:
        ParamsError: in place of an error that is not ours.
    """
    try:
        yield
    except IssuesumError:
        raise
    except Exception as error:
        found = f"{type(error).__name__}{_place(error, f'{arch}.py')}"
        raise ParamsError(
            f"{part} of the architecture {arch} must run. "
            f"Received: {': '.join(filter(None, [found, _reason(error)]))}. "
            "Try: mend it; ISSUESUM_VERBOSE=1 in the environment shows the traceback."
        ) from error


def _reason(error: Exception) -> str:
    """Return what is wrong, without what Keras, AutoGraph and TensorFlow put around it."""
    if isinstance(error, SyntaxError):
        return error.msg
    said = _NOISE.sub("", str(error))
    said = _FOLLOWS.split(said)[0]
    lines = [line.strip() for line in said.splitlines() if not _AROUND.match(line)]
    if said.startswith("in user code:"):
        lines = lines[-1:]
    reason = one_line(Exception(" ".join(lines))).removeprefix(f"{type(error).__name__}: ")
    return reason.rstrip(".!") if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}…"


def _place(error: Exception, file: str) -> str:
    """Return where in the architecture's file it happened, or nothing."""
    if isinstance(error, SyntaxError):
        return f" in {file}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [str(frame.lineno) for frame in frames if Path(frame.filename).name == file]
    # AutoGraph and running graphs leave no frames, but a text of them.
    numbers += re.findall(rf'/{re.escape(file)}", line (\d+)', str(error))
    return f" in {file}, line {numbers[-1]}" if numbers else ""
