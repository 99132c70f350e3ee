"""The answer to a registry's 401: Basic, or a Bearer token from its token server.

Source: CNCF distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

import requests
from requests.utils import parse_dict_header

from issuesum.registry.credentials import Credentials
from issuesum.registry.reference import is_loopback

_CLIENT = "issuesum"


def authorize(
    session: requests.Session, challenge: str, credentials: Credentials | None, *, timeout: float
) -> str | None:
    """Return the value of an Authorization header, or None where we have nothing to show.

    Args:
        session: asks the token server.
        challenge: the WWW-Authenticate header of the 401.
        credentials: None to ask for an anonymous token.
        timeout: seconds for the token server.

    Raises:
        requests.RequestException: the token server refuses or cannot be reached.
        ValueError: its answer is no JSON, or it would have us send a password in clear.
    """
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        return _basic(credentials) if credentials else None
    if scheme.lower() != "bearer":
        return None
    fields: dict[str, str] = parse_dict_header(rest)  # type: ignore[no-untyped-call]
    realm = fields.pop("realm")
    if (
        credentials
        and urlsplit(realm).scheme != "https"
        and not is_loopback(urlsplit(realm).netloc)
    ):
        raise ValueError(f"the token server {realm} must be reached by https")
    wanted: dict[str, str] = {name: fields[name] for name in ("service", "scope") if name in fields}
    if credentials and credentials.identity_token:
        form: dict[str, str] = {
            **wanted,
            "grant_type": "refresh_token",
            "refresh_token": credentials.identity_token,
            "client_id": _CLIENT,
        }
        answer = session.post(realm, data=form, timeout=timeout)
    else:
        headers: dict[str, str | None] = {
            "Authorization": _basic(credentials) if credentials else None
        }
        answer = session.get(realm, params=wanted, headers=headers, timeout=timeout)
    answer.raise_for_status()
    found = answer.json()
    return f"Bearer {found.get('token') or found.get('access_token')}"


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.username}:{credentials.password}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"
