"""How the server's processes end; run as a program, whether the server of this machine answers.

seldon-core starts a process for gRPC, which starts its workers, and one for metrics, and then
becomes gunicorn's arbiter itself. When that ends, on SIGTERM or because no worker can boot,
multiprocessing waits for the gRPC process, which waits for ever: the container would stay up until
it is killed, and requests in flight over gRPC would be lost (seen with 1.19.0).
"""

import atexit
import contextlib
import gc
import http.client
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

_PATIENCE = 20.0
"""Seconds that requests in flight over gRPC have, once gunicorn has ended those over REST (30)."""
_FLUSH = 0.2  # seconds for an answer to leave, once it is made


class Lifecycle:
    """Counts requests in flight, and ends each process when they are answered."""

    def __init__(self) -> None:
        """Count from none."""
        self._main = os.getpid()
        self._lock = threading.Lock()
        self._in_flight = 0

    def start(self) -> None:
        """Prepare this process, which is to be gunicorn's arbiter, and those that it forks."""
        # gunicorn takes the signal over where it runs; what else is forked keeps this.
        signal.signal(signal.SIGTERM, self._stop)
        # Handlers run last in, first out: before multiprocessing's, which waits for children.
        atexit.register(self._stop_children)

    def enter_worker(self) -> None:
        """Prepare this process, a worker whose model is loaded."""
        # onnxruntime was seen to abort when gunicorn's worker, a fork, unloads it.
        # Not before the model is loaded: gunicorn must see the exit code of a failure.
        atexit.register(os._exit, 0)
        gc.freeze()  # what is loaded stays: collections need not look at it again

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while the block runs."""
        with self._lock:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if os.getpid() == self._main:  # gunicorn does not run yet
            sys.exit(0)
        if children := multiprocessing.active_children():  # the parent of gRPC's workers
            for child in children:
                child.terminate()
            return  # and goes on waiting for them
        deadline = time.monotonic() + _PATIENCE
        while self._in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(_FLUSH)
        raise KeyboardInterrupt  # seldon-core's way to end a gRPC worker

    def _stop_children(self) -> None:
        if os.getpid() != self._main:
            return  # gunicorn's workers inherit the handler, and must not end the others
        for child in multiprocessing.active_children():
            # Metrics, which the last requests still need, are multiprocessing's own to end.
            if not child.daemon and not child.name.startswith("SyncManager"):
                child.terminate()
                child.join(_PATIENCE + 2 * _FLUSH)


def main() -> None:
    """End with 0 if the server is ready, else with 1 and the reason."""
    port = os.environ.get("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9000")  # as seldon-core reads it
    path = "/v2/health/ready"
    # Not urllib, which would ask a proxy that the environment names.
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
    try:
        connection.request("GET", path)
        found = str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        found = str(error)
    if found != "200":
        sys.exit(f"error: port {port} must answer {path} with 200. Received: {found}.")


if __name__ == "__main__":
    main()
