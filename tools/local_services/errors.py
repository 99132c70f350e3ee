"""The one failure that a person is told about in one line."""

from __future__ import annotations


class ServiceError(Exception):
    """A service cannot be had. Says what must hold, what was found and what to do, on one line."""
