"""Whether the server on this machine answers: `python3 -m issuesum.serving.probe`."""

from __future__ import annotations

import os
import sys
import urllib.request

_PORT = "PREDICTIVE_UNIT_HTTP_SERVICE_PORT"
"""By which seldon-core knows its port."""


def main() -> None:
    """End with 0 if the server is ready, else with 1 and the reason."""
    url = f"http://127.0.0.1:{os.environ.get(_PORT, '9000')}/v2/health/ready"
    try:
        with urllib.request.urlopen(url, timeout=5):
            pass
    except OSError as error:
        sys.exit(f"error: {url} must answer 200. Received: {error}.")


if __name__ == "__main__":
    main()
