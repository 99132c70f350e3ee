"""Who we are to a registry, and how we answer its 401: by Basic or by a Bearer token.

Credentials are those of `docker login`, or ISSUESUM_REGISTRY_USERNAME and _PASSWORD, which are sent
only to the registry of ISSUESUM_REGISTRY.
Source: CNCF distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

import base64
import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from docker.auth import AuthConfig
from docker.errors import DockerException
from pydantic import TypeAdapter
from requests.utils import parse_dict_header

from issuesum.errors import one_line
from issuesum.registry.reference import is_loopback

OBJECT = TypeAdapter(dict[str, Any])  # of JSON


@dataclass(frozen=True)
class Credentials:
    """A user name with its password, or the identity token that `docker login` got for them.

    False if there are none; `wrong` says why that may be a mistake.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    wrong: str = ""

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self.password or self.identity_token)

    @property
    def for_engine(self) -> dict[str, str]:
        """What Docker Engine takes with a push or a pull; {} if there are none."""
        if self.identity_token:
            return {"identitytoken": self.identity_token}
        return {"username": self.username, "password": self.password} if self.password else {}

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


def credentials_for(host: str) -> Credentials:
    """Return what is known for a registry, host[:port].

    A helper that fails or a file that cannot be read is no error: it may need no credentials.
    """
    user = os.environ.get("ISSUESUM_REGISTRY_USERNAME")
    password = os.environ.get("ISSUESUM_REGISTRY_PASSWORD")
    if user and password and host == os.environ.get("ISSUESUM_REGISTRY", "").split("/")[0]:
        return Credentials(user, password)
    folder = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")  # noqa: PTH111 -- there may be no home
    path, wrong = Path(folder) / "config.json", ""
    try:
        config = json.loads(path.read_bytes())
        known = AuthConfig({name: config.get(name) or {} for name in ("auths", "credHelpers")})
        known["credsStore"] = config.get("credsStore")
        try:
            with warnings.catch_warnings(action="ignore"):  # a missing program is also an error
                found = known.resolve_authconfig(host)
        except (DockerException, OSError, ValueError, LookupError) as error:
            wrong = one_line(error.__cause__ or error)
            found = AuthConfig({"auths": known.auths}).resolve_authconfig(host)
        return replace(_of_entry(found or {}), wrong=wrong)
    except FileNotFoundError:
        return Credentials()
    except (OSError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        return Credentials(wrong=f"{path}: {type(error).__name__} {one_line(error)}")


def _of_entry(found: Mapping[str, str]) -> Credentials:
    """Read what a helper gave, or an entry of `auths`, whose `auth` goes before its `username`."""
    entry = {name.lower(): value for name, value in found.items()}
    username, password = entry.get("username") or "", entry.get("password") or ""
    if entry.get("auth"):
        username, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    return Credentials(username, password.rstrip("\0"), entry.get("identitytoken") or "")


def authorize(
    session: requests.Session, challenge: str, credentials: Credentials, *, timeout: float
) -> str | None:
    """Return the value of an Authorization header, or None if we have no credentials for it.

    `challenge` is the WWW-Authenticate header of the 401. Without credentials, a token server is
    asked for an anonymous token, for at most `timeout` seconds. RequestException: it refuses or
    cannot be reached; ValueError: its answer is no JSON, or it would get a password in clear.
    """
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() != "bearer":
        return credentials.basic if credentials and scheme.lower() == "basic" else None
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
    found = OBJECT.validate_json(answer.content)
    return f"Bearer {found.get('token') or found.get('access_token')}"
