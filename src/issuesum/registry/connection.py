"""Connections to a registry: how long they wait, and what they take to where they are sent."""

import sys
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util import Retry

from issuesum.registry.reference import is_loopback

LONGEST = 60.0
"""Seconds that a registry may have us wait before another try."""


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


class Session(requests.Session):
    """Sends no authorization but what a request has, and that to its own registry alone."""

    def __init__(self, host: str, retries: Retry) -> None:
        """Connect to host[:port]."""
        super().__init__()
        self.trust_env = not is_loopback(host)  # no proxy
        self.auth = lambda request: request  # or requests would put ~/.netrc in place of our header
        self.headers["User-Agent"] = "issuesum"
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(max_retries=retries))

    def rebuild_auth(  # noqa: D102 -- of requests
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        # Without a look into ~/.netrc, which is not for registries, nor for their storage.
        urls = response.request.url, prepared_request.url
        if self.should_strip_auth(*urls):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)
