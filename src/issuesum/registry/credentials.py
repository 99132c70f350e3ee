"""Who we are to a registry.

By Docker's configuration and its credential helpers, as `docker login` leaves them, or by
ISSUESUM_REGISTRY_USERNAME and ISSUESUM_REGISTRY_PASSWORD, which are for the registry that
ISSUESUM_REGISTRY names and are told to no other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from docker.auth import load_config
from docker.errors import DockerException

from issuesum.errors import RegistryError, one_line


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


def credentials_for(host: str) -> Credentials | None:
    """Return what is known for a registry, or None.

    Args:
        host: host[:port].

    Raises:
        RegistryError: a credential helper fails.
    """
    user = os.environ.get("ISSUESUM_REGISTRY_USERNAME")
    password = os.environ.get("ISSUESUM_REGISTRY_PASSWORD")
    if user and password and host == os.environ.get("ISSUESUM_REGISTRY", "").split("/")[0]:
        return Credentials(user, password)
    try:
        found = load_config().resolve_authconfig(host)
    except DockerException as error:
        raise RegistryError(
            f"Docker's configuration must give the credentials for {host}. Received: "
            f"{one_line(error)}. Try: docker login {host}."
        ) from error
    if not found:
        return None
    # A helper's answer has capitals (docker-credential-helpers), the file has none.
    lowered = {key.lower(): value for key, value in found.items()}
    token = lowered.get("identitytoken")
    if not token and not lowered.get("password"):
        return None
    return Credentials(lowered.get("username") or "", lowered.get("password") or "", token)
