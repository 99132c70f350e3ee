"""Whether the server on this machine answers: `python3 -m issuesum.serving.server.probe`."""

from __future__ import annotations

import http.client
import os
import sys

_PORT = "PREDICTIVE_UNIT_HTTP_SERVICE_PORT"
"""By which seldon-core knows its port."""
_PATH = "/v2/health/ready"


def main() -> None:
    """End with 0 if the server is ready, else with 1 and the reason."""
    port = os.environ.get(_PORT, "9000")
    # Not urllib, which would ask a proxy that the environment names.
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
    try:
        connection.request("GET", _PATH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"error: port {port} must answer {_PATH}. Received: {error}.")
    finally:
        connection.close()
    if status != http.client.OK:
        sys.exit(f"error: port {port} must answer {_PATH} with 200. Received: {status}.")


if __name__ == "__main__":
    main()
