"""The registry that images go to: whether it answers, knows us, and would take a push."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

import requests
from docker.auth import load_config
from docker.utils.config import find_config_file
from requests.adapters import HTTPAdapter

from issuesum.automation.doctor.finding import Finding, fail, of_error, ok
from issuesum.errors import RegistryError
from issuesum.registry.client import Registry
from issuesum.registry.credentials import credentials_for
from issuesum.registry.reference import Reference

_PATIENCE = (3, 4)
"""Seconds to connect, and to wait for the next bytes."""


class _Impatient(HTTPAdapter):
    """Tries once, for seconds only, whatever the request allows."""

    def send(self, *arguments: Any, **settings: Any) -> requests.Response:  # noqa: ANN401
        return super().send(*arguments, **{**settings, "timeout": _PATIENCE})


class _Probe(Registry):
    """The client that export has, but for its patience."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        for prefix in ("http://", "https://"):
            self._session.mount(prefix, _Impatient())

    def begin_push(self, image: Reference) -> None:
        """Begin an upload and give it up; nothing stays.

        Raises:
            RegistryError: the registry would take no push.
        """
        begun = self._ask("POST", image, "blobs/uploads/")
        # One that cannot be given up ends by itself.
        with suppress(RegistryError):
            self._ask("DELETE", image, urljoin(self._base, begun.headers["Location"]))


def answering_registry(repository: str, named_by: str, user: str | None) -> Finding:
    """Ask for an image, then whether one might be pushed.

    Args:
        repository: registry/name of our images.
        named_by: where the registry's address comes from.
        user: ISSUESUM_REGISTRY_USERNAME.

    Raises:
        RegistryError: a credential helper fails.
    """
    image = Reference.parse(repository)
    shown = f"{repository} ({named_by}), {_credentials(image.host, user)}"
    probe = _Probe(image.host)
    try:
        probe.digest(image)
    except RegistryError as error:
        return _refused(shown, "no access", error)
    try:
        probe.begin_push(image)
    except RegistryError as error:
        return _refused(shown, "answers, but takes no push", error)
    return ok(f"{shown}; answers and would take a push")


def _refused(shown: str, what: str, error: RegistryError) -> Finding:
    told = of_error(error)
    reason = told.found.partition("Received: ")[2].removeprefix("no answer: ")
    # requests tells a whole chain, whose end says why; an answer to HEAD has no text.
    reason = reason.rpartition("Caused by ")[2].rstrip(": ")
    return fail(f"{shown}; {what}: {reason}", told.advice)


def _credentials(host: str, user: str | None) -> str:
    """Return where what we show to a registry comes from."""
    known = credentials_for(host)
    if known is None:
        return "no credentials"
    if user and known.username == user:
        return "credentials from ISSUESUM_REGISTRY_USERNAME and _PASSWORD"
    helper = load_config().get_credential_store(host)
    source = f"docker-credential-{helper}" if helper else str(find_config_file())
    return f"credentials from {source}"
