"""Runs the package as a folder, as `tools/mutants` does."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT / "tools")

if __name__ == "__main__":
    from mutation.cli import main

    sys.exit(main(sys.argv[1:], ROOT))
