"""Runs the package as a folder; PYTHONPATH would be inherited by the servers that it starts."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

if __name__ == "__main__":
    from local_services.cli import main

    sys.exit(main(sys.argv[1:]))
