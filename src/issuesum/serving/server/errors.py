"""Requests that cannot be answered, with the status that says so."""

from __future__ import annotations

from typing import Any


class RequestError(Exception):
    """A request is refused.

    Attributes:
        status: of HTTP.
        reason: a word for programs.
    """

    def __init__(self, message: str, *, status: int = 400, reason: str = "BAD_REQUEST") -> None:
        """Say why, for the person who reads it."""
        super().__init__(message)
        self.status, self.reason = status, reason

    def as_status(self) -> dict[str, Any]:
        """Return Seldon's message (`SeldonMessage.status`) of the refusal."""
        return {
            "status": {
                "code": self.status,
                "status": "FAILURE",
                "reason": self.reason,
                "info": str(self),
            }
        }


class NotLoadedError(RequestError):
    """The model is not loaded yet."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("The model is not loaded yet.", status=503, reason="NOT_LOADED")
