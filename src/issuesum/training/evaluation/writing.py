"""Predictions as lines of text: the header of a CSV, then exactly one line each."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from issuesum.errors import ArtifactError, ParamsError
from issuesum.files import replacing_file
from issuesum.training.evaluation.scoring import Prediction

Format = Literal["csv", "jsonl"]

Write = Callable[[Iterable[Prediction]], None]


def format_of(output: Path | None) -> Format:
    """Return the format that the extension of `output` names; CSV for any other."""
    return "jsonl" if output and output.suffix.lower() == ".jsonl" else "csv"


@contextmanager
def writing(output: Path | None, form: Format) -> Iterator[Write]:
    """Give a function that writes predictions, so that readers get them at once.

    Args:
        output: replaced when the block ends without an error; None is standard output.
        form: of the lines.

    Raises:
        ArtifactError: it cannot be written; an earlier file is as it was.
    """
    try:
        if output is None:
            # Whatever the locale says: titles hold any character.
            with os.fdopen(1, "w", encoding="utf-8", newline="", closefd=False) as stream:
                yield _lines_to(stream, form)
            return
        with (
            replacing_file(output) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as stream,
        ):
            yield _lines_to(stream, form)
    except BrokenPipeError:  # the reader has seen enough, such as `head`
        raise
    except OSError as error:
        raise ArtifactError(
            f"{output or 'Standard output'} must be writable. Received: {error.strerror or error}. "
            "Try: another --output, or check permissions and free space."
        ) from error


def _lines_to(stream: TextIO, form: Format) -> Write:
    if form == "jsonl":

        def write_objects(some: Iterable[Prediction]) -> None:
            for one in some:
                text = json.dumps(one._asdict(), ensure_ascii=False, allow_nan=False)
                stream.write(text + "\n")
            stream.flush()

        return write_objects
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(Prediction._fields)

    def write_rows(some: Iterable[Prediction]) -> None:
        rows.writerows(some)
        stream.flush()

    return write_rows


def check_output(output: Path, source: Path) -> None:
    """Check that `output` may be replaced.

    Raises:
        ParamsError: it is the source, or no file.
    """
    if not output.exists():
        return
    if not output.is_file():
        raise ParamsError(
            f"--output must be a file. Received: {output}. Try: a redirection with > instead."
        )
    if source.exists() and output.samefile(source):
        raise ParamsError(
            f"--output must be another file than the input. Received: {output} for both. "
            "Try: another --output."
        )
