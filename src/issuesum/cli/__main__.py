"""`python -m issuesum.cli`, for where the package is on the path and not installed."""

from issuesum.cli import main

if __name__ == "__main__":
    main()
