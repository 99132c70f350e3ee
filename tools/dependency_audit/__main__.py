"""Runs the package as a folder, as `tools/audit` does."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

if __name__ == "__main__":
    from dependency_audit.cli import main

    sys.exit(main(sys.argv[1:]))
