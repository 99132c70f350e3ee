"""Whether a bundle's model writes titles: `python -m issuesum.serving.inference.check FOLDER`.

Run in a process of its own by servers that fork: onnxruntime's threads do not survive a fork.
"""

from __future__ import annotations

import sys
from pathlib import Path

from issuesum.errors import IssuesumError
from issuesum.serving.inference.writer import TitleWriter

PROBE = "The application does not start after the update and shows an error in the log."


def main(folder: Path) -> None:
    """Write one title, or end the process with the reason on one line."""
    try:
        TitleWriter(folder, threads=1).titles([PROBE])
    except IssuesumError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
