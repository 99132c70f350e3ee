"""Who we are to a registry, and how we answer its 401: by Basic or by a Bearer token.

Credentials come from Docker's configuration and its credential helpers, as `docker login` leaves
them, or from ISSUESUM_REGISTRY_USERNAME and ISSUESUM_REGISTRY_PASSWORD, which are sent only to the
registry of ISSUESUM_REGISTRY.

Source: CNCF distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from docker.auth import load_config
from docker.errors import DockerException
from requests.utils import parse_dict_header

from issuesum.errors import RegistryError, one_line
from issuesum.registry.reference import is_loopback


@dataclass(frozen=True)
class Credentials:
    """A user name with its password, or the identity token that `docker login` got for them."""

    username: str
    password: str = field(repr=False)
    identity_token: str | None = field(default=None, repr=False)

    @property
    def for_engine(self) -> dict[str, str]:
        """What Docker Engine takes with a push or a pull."""
        if self.identity_token:
            return {"identitytoken": self.identity_token}
        return {"username": self.username, "password": self.password}

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


def credentials_for(host: str) -> Credentials | None:
    """Return what is known for a registry, host[:port], or None.

    Raises:
        RegistryError: a credential helper fails.
    """
    user = os.environ.get("ISSUESUM_REGISTRY_USERNAME")
    password = os.environ.get("ISSUESUM_REGISTRY_PASSWORD")
    if user and password and host == os.environ.get("ISSUESUM_REGISTRY", "").split("/")[0]:
        return Credentials(user, password)
    try:
        found = load_config().resolve_authconfig(host) or {}
    except DockerException as error:
        raise RegistryError(
            f"Docker's configuration must give the credentials for {host}. Received: "
            f"{one_line(error)}. Try: docker login {host}."
        ) from error
    # A helper's answer has capitals (docker-credential-helpers), the file has none.
    lowered = {key.lower(): value for key, value in found.items()}
    token = lowered.get("identitytoken")
    if not token and not lowered.get("password"):
        return None
    return Credentials(lowered.get("username") or "", lowered.get("password") or "", token)


def authorize(
    session: requests.Session, challenge: str, credentials: Credentials | None, *, timeout: float
) -> str | None:
    """Return the value of an Authorization header, or None if we have no credentials for it.

    `challenge` is the WWW-Authenticate header of the 401. Without credentials, a token server is
    asked for an anonymous token, for at most `timeout` seconds.

    Raises:
        requests.RequestException: the token server refuses or cannot be reached.
        ValueError: its answer is no JSON, or it would have us send a password in clear.
    """
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        return credentials.basic if credentials else None
    if scheme.lower() != "bearer":
        return None
    fields: dict[str, str] = parse_dict_header(rest)  # type: ignore[no-untyped-call]
    realm = fields.pop("realm")
    server = urlsplit(realm)
    if credentials and server.scheme != "https" and not is_loopback(server.netloc):
        raise ValueError(f"the token server {realm} must be reached by https")
    wanted: dict[str, str] = {name: fields[name] for name in ("service", "scope") if name in fields}
    if credentials and credentials.identity_token:
        token = credentials.identity_token
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "issuesum"}
        answer = session.post(realm, data={**wanted, **form}, timeout=timeout)
    else:
        ours = {"Authorization": credentials.basic} if credentials else None
        answer = session.get(realm, params=wanted, headers=ours, timeout=timeout)
    answer.raise_for_status()
    found = answer.json()
    return f"Bearer {found.get('token') or found.get('access_token')}"
