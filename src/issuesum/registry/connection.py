"""Connections to a registry: how long they wait, and what they take to where they are sent."""

import sys
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util import Retry

from issuesum.registry.reference import is_loopback

LONGEST = 60.0
"""Seconds that a registry may have us wait before another try."""
_PORTS = {"http": 80, "https": 443}


class Retries(Retry):
    """Further tries, none before the time that a registry asks for (Retry-After)."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the seconds to wait; what is no time is none."""
        try:
            return super().get_retry_after(response)
        except InvalidHeader:
            return None

    def increment(self, *arguments: Any, **options: Any) -> Self:  # noqa: ANN401 -- urllib3's
        """Prepare another try, unless that would be too late: then the answer is the last one."""
        response = options.get("response")
        if response and (self.get_retry_after(response) or 0) > LONGEST:
            raise MaxRetryError(options["_pool"], arguments[1])
        return super().increment(*arguments, **options)

    def sleep_for_retry(self, response: BaseHTTPResponse) -> bool:
        """Wait as long as is asked for, and say so."""
        if pause := self.get_retry_after(response):
            reason = f"registry: {response.status} {response.reason}"
            tqdm.write(f"{reason}; again in {pause:g} s, as it asks", file=sys.stderr)
        return super().sleep_for_retry(response)


class _Session(requests.Session):
    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        # Without a look into ~/.netrc, which is not for registries, nor for their storage.
        moved = self.should_strip_auth(  # type: ignore[no-untyped-call]
            response.request.url, prepared_request.url
        )
        if moved:
            prepared_request.headers.pop("Authorization", None)


def new_session(host: str, retries: Retry) -> requests.Session:
    """Return a session for host[:port] that sends no authorization but what a request has."""
    session = _Session()
    session.trust_env = not is_loopback(host)  # no proxy
    session.auth = lambda request: request  # or requests would put ~/.netrc in place of our header
    session.headers["User-Agent"] = "issuesum"
    session.mount("http://", HTTPAdapter(max_retries=retries))
    session.mount("https://", HTTPAdapter(max_retries=retries))
    return session


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port, which a URL leaves out if it is the scheme's own."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
