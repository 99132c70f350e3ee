"""Runs the package as a folder, as `tools/services` does.

The path is set here and not by PYTHONPATH, which the started servers would inherit.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

if __name__ == "__main__":
    from local_services.cli import main

    sys.exit(main(sys.argv[1:]))
