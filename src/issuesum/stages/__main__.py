"""`python -m issuesum.stages NAME` runs a stage; Ctrl+C is one line while it is imported, too."""

import importlib
import signal
import sys


def main() -> None:
    """Run the stage that the command line names."""
    (stage,) = sys.argv[1:]
    try:
        from issuesum.stages.runner import run

        run(stage, importlib.import_module(f"issuesum.stages.{stage}").main)
    except KeyboardInterrupt:
        from issuesum.console import interrupted  # not above, where it would take its time

        sys.exit(interrupted(f"{stage}: "))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one adds no traceback


if __name__ == "__main__":
    main()
