"""What a request may hold, so that no one request can hurt the others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from issuesum.errors import ParamsError


@dataclass(frozen=True)
class Limits:
    """Bounds of a server, from its environment.

    Attributes:
        request_bytes: of a request's body; ISSUESUM_MAX_REQUEST_BYTES.
        texts: bodies in a request; ISSUESUM_MAX_TEXTS. A batch holds a worker for as long as it
            takes, a few milliseconds a title.
        threads: of onnxruntime in one call; ISSUESUM_THREADS. One, because gunicorn's workers and
            threads are what uses the other cores.
    """

    request_bytes: int = 8 * 1024 * 1024
    texts: int = 512
    threads: int = 1

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Limits:
        """Return the bounds that the environment sets, and the defaults of the others.

        Raises:
            ParamsError: a value is no positive whole number.
        """
        return cls(
            request_bytes=_number(environment, "ISSUESUM_MAX_REQUEST_BYTES", cls.request_bytes),
            texts=_number(environment, "ISSUESUM_MAX_TEXTS", cls.texts),
            threads=_number(environment, "ISSUESUM_THREADS", cls.threads),
        )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ParamsError(
            f"{name} must be a positive whole number. Received: {text!r}. Try: {default}."
        )
    return int(text)
