"""What the environment asks for, read once.

| variable                                | meaning                                                |
|-----------------------------------------|--------------------------------------------------------|
| ISSUESUM_STATE                          | folder of data, keys, logs and pid files               |
| ISSUESUM_S3_PORT                        | port of the S3 server (8333; another if taken)         |
| ISSUESUM_S3_BUCKET                      | bucket (issuesum)                                      |
| ISSUESUM_REGISTRY_PORT                  | port of the registry (5000); 0 chooses a free one      |
| AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL   | S3 elsewhere: none is started                          |
| ISSUESUM_REGISTRY                       | registry elsewhere, host:port: none is started         |
| DOCKER_HOST                             | engine elsewhere: none is started                      |
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local_services.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Settings:
    """The environment, checked; None where it says nothing."""

    state: Path
    bucket: str
    s3_endpoint: str | None
    s3_access_key_id: str | None
    s3_port: int | None
    registry: str | None
    registry_port: int | None
    docker_host: str | None


def read(env: Mapping[str, str]) -> Settings:
    """Read the variables above; an empty one counts as absent.

    Raises:
        ServiceError: a port is not a port.
    """
    endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None
    return Settings(
        state=_state(env),
        bucket=env.get("ISSUESUM_S3_BUCKET") or "issuesum",
        s3_endpoint=endpoint.rstrip("/") if endpoint else None,
        s3_access_key_id=env.get("AWS_ACCESS_KEY_ID") or None,
        s3_port=_port(env, "ISSUESUM_S3_PORT"),
        registry=env.get("ISSUESUM_REGISTRY") or None,
        registry_port=_port(env, "ISSUESUM_REGISTRY_PORT"),
        docker_host=env.get("DOCKER_HOST") or None,
    )


def _state(env: Mapping[str, str]) -> Path:
    if own := env.get("ISSUESUM_STATE"):
        return Path(own).expanduser().resolve()
    base = env.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "issuesum"


def _port(env: Mapping[str, str], name: str) -> int | None:
    text = env.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= HIGHEST_PORT):
        raise ServiceError(f"{name} must be a port, 0 to {HIGHEST_PORT}. Received: {text!r}.")
    return int(text)
