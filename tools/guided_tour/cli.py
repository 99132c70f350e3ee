"""`tools/tour`: does the tour, and ends with one line at the first thing that is not so."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from guided_tour import page
from guided_tour.house import moved_in
from guided_tour.script import SOURCE, TourError, read
from guided_tour.walk import walk

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str], *, root: Path = ROOT, source: Path = SOURCE) -> int:
    """Do a tour of a project.

    Args:
        arguments: of the command line.
        root: the project, which is only read.
        source: what is to be done.

    Returns:
        The exit code: 0 if everything was as the tour says.
    """
    parser = argparse.ArgumentParser(prog="tools/tour", description=__doc__)
    parser.add_argument("--transcript", type=Path, help="also write the tour as a page of Markdown")
    given = parser.parse_args(arguments)
    try:
        if given.transcript and not given.transcript.parent.is_dir():
            raise TourError(
                f"--transcript must lie in a folder. Received: {given.transcript}. "
                "Try: docs/tour.md."
            )
        steps = read(source.read_text(encoding="utf-8"))
        with moved_in(root) as house:
            print(f"The tour lives in {house.folder}, and takes it away when it ends.")
            walked = walk(house, steps)
            times = page.times(house, walked)
            print(f"\n{times}")
            if given.transcript:
                text = page.render(house, walked, times)
                given.transcript.write_text(text, encoding="utf-8")
    except (TourError, OSError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: what the tour made was taken away", file=sys.stderr)
        return 130
    return 0
