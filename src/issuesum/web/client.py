"""A client of a running Seldon component."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from issuesum.errors import IssuesumError, ParamsError
from issuesum.web.contract import Metadata, Prediction, Refusal, Verdict

_MAX_ANSWER = 2**22
"""Bytes of an answer; a longer one is no answer of ours."""
_CHUNK = 2**16
_SHOWN = 300
"""Characters that are shown of what somebody else's server says."""


class EndpointError(IssuesumError):
    """The endpoint does not answer, or not as agreed; shown on the page, and ends no process.

    Attributes:
        status: of HTTP, for the page.
    """

    def __init__(self, message: str, status: int = 502) -> None:
        """Keep the message and the status."""
        super().__init__(message)
        self.status = status


class Endpoint:
    """Asks the component for titles and hands it feedback; safe to use from several threads."""

    def __init__(self, url: str, *, timeout: float) -> None:
        """Remember where the component is; nothing is sent yet.

        Args:
            url: http(s)://host[:port][/prefix], without `/api`.
            timeout: seconds until an answer must be there as a whole.

        Raises:
            ParamsError: it is no such URL.
        """
        self.url = _checked(url)
        self._timeout = timeout

    def titles(self, body: str, alternatives: int) -> Prediction:
        """Return up to `alternatives` titles of a body, the best first, and what wrote them.

        Raises:
            EndpointError: no such answer came.
        """
        wish = {"jsonData": {"body": body, "alternatives": alternatives}}
        return self._parsed(Prediction, self._ask("/api/v1.0/predictions", wish))

    def feedback(self, verdict: Verdict) -> None:
        """Hand over what a person thinks of a title.

        Raises:
            EndpointError: it was not taken.
        """
        content = {
            "request": _texts(verdict.body),
            "response": _texts(verdict.title),
            "reward": float(verdict.good),
        }
        if verdict.truth is not None:
            content["truth"] = _texts(verdict.truth)
        self._ask("/api/v1.0/feedback", content)

    def lineage(self) -> dict[str, Any]:
        """Return what the component says of its model before it is asked for a title.

        Raises:
            EndpointError: it says nothing, or something else.
        """
        found = self._parsed(Metadata, self._ask("/metadata"))
        tags = {name: value for name, value in found.custom.items() if "." not in name}  # no labels
        return {"image": ", ".join(found.versions) or found.name, **tags}

    def _ask(self, path: str, content: dict[str, Any] | None = None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 -- http or https, see _checked
            self.url + path,
            None if content is None else json.dumps(content).encode(),
            {"Content-Type": "application/json", "Accept": "application/json"},
        )
        deadline = time.monotonic() + self._timeout
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                return _read(response, deadline)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from error
        except TimeoutError as error:
            raise self._late() from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise self._late() from error
            raise EndpointError(
                f"{self.url} must answer. Received: {_short(reason)}. "
                "Try: start it (make serve), or issuesum web with another --endpoint."
            ) from error

    def _late(self) -> EndpointError:
        return EndpointError(
            f"{self.url} must answer within {self._timeout:g} s. Received: no whole answer. "
            "Try: send it again; if it stays so, look at the log of the server.",
            504,
        )

    def _refused(self, error: urllib.error.HTTPError) -> EndpointError:
        """Tell a request that the component does not like from a server that is not ours."""
        try:
            reason = Refusal.model_validate_json(error.read(_MAX_ANSWER)).status.info
        except (OSError, http.client.HTTPException, ValidationError):
            return EndpointError(
                f"{self.url} must be a component of issuesum that is ready. "
                f"Received: HTTP {error.code} from {urlsplit(error.url).path}. "
                "Try: wait until it is ready, or check --endpoint."
            )
        if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            return EndpointError(
                f"{self.url} must answer. Received: HTTP {error.code}, {_short(reason)}. "
                "Try: send it again; if it stays so, look at the log of the server."
            )
        return EndpointError(f"The model does not take this: {_short(reason)}", 400)

    def _parsed[T: BaseModel](self, model: type[T], content: bytes) -> T:
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the whole"
            raise EndpointError(
                f"{self.url} must answer with titles and their words. Received: {place}: "
                f"{_short(first['msg'])}. Try: an image of this version (dvc repro export)."
            ) from error


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        fits = False
    # The URL is shown on the page: credentials in it would be, too.
    if not fits or parts.username is not None or parts.query or parts.fragment:
        shown = url.rpartition("@")[2]
        raise ParamsError(
            f"--endpoint must be http://HOST:PORT or https://HOST. Received: {shown!r}. "
            "Try: http://127.0.0.1:9000 after make serve."
        )
    return url.rstrip("/")


def _texts(text: str) -> dict[str, Any]:
    return {"data": {"ndarray": [text]}}


def _short(reason: object) -> str:
    said = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return " ".join(said.split())[:_SHOWN] or type(reason).__name__


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """Read an answer to its end; the timeout of a socket alone begins anew with every byte."""
    parts: list[bytes] = []
    while part := response.read1(_CHUNK):
        parts.append(part)
        if time.monotonic() > deadline:
            raise TimeoutError
        if len(parts) * _CHUNK > _MAX_ANSWER and sum(map(len, parts)) > _MAX_ANSWER:
            raise http.client.HTTPException(f"more than {_MAX_ANSWER:,} bytes")
    return b"".join(parts)
