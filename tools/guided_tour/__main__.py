"""Runs the package as a folder, as `tools/tour` does."""

import signal
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

if __name__ == "__main__":
    from guided_tour.cli import main

    # However it is ended, what it started is taken away.
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
