"""What the environment and the clone ask for, and where the clone reads what was started."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# What DVC itself reads and writes its files with; `dvc remote modify` would take the secret on its
# command line, and three seconds.
from configobj import ConfigObj  # type: ignore[import-untyped]

from local_services.common import ServiceError, write_private

HIGHEST_PORT = 65535
REMOTE = 'remote "storage"'  # the quotes are part of the section's name, as DVC writes it
OPTIONS = {
    "endpointurl": "AWS_ENDPOINT_URL_S3",
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
}


class Settings(NamedTuple):
    """The environment, checked; None where it sets nothing."""

    state: Path
    bucket: str
    s3_endpoint: str | None
    s3_access_key_id: str | None
    s3_port: int | None
    registry: str | None
    registry_port: int | None
    docker_host: str | None


def read(env: Mapping[str, str]) -> Settings:
    """Read the variables; an empty one counts as absent, a port that is none is a ServiceError."""
    own = env.get("ISSUESUM_STATE")
    base = env.get("XDG_STATE_HOME") or "~/.local/state"
    endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None
    return Settings(
        state=Path(own).expanduser().resolve() if own else Path(base).expanduser() / "issuesum",
        bucket=env.get("ISSUESUM_S3_BUCKET") or "issuesum",
        s3_endpoint=endpoint.rstrip("/") if endpoint else None,
        s3_access_key_id=env.get("AWS_ACCESS_KEY_ID") or None,
        s3_port=_port(env, "ISSUESUM_S3_PORT"),
        registry=env.get("ISSUESUM_REGISTRY") or None,
        registry_port=_port(env, "ISSUESUM_REGISTRY_PORT"),
        docker_host=env.get("DOCKER_HOST") or None,
    )


def _port(env: Mapping[str, str], name: str) -> int | None:
    text = env.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= HIGHEST_PORT):
        raise ServiceError(f"{name} must be a port, 0 to {HIGHEST_PORT}. Received: {text!r}.")
    return int(text)


def remote_url(project: Path) -> str | None:
    sections = [_config(project / ".dvc" / name) for name in ("config.local", "config")]
    urls = (section.get(REMOTE, {}).get("url") for section in sections)
    return next((str(url) for url in urls if url), None)


def write(project: Path, values: dict[str, str]) -> None:
    """Write `.services.env`, and `.dvc/config.local` where there is a `.dvc` and an endpoint."""
    lines = "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
    write_private(project / ".services.env", lines)
    if (project / ".dvc").is_dir() and "AWS_ENDPOINT_URL_S3" in values:
        _configure_dvc(project / ".dvc" / "config.local", values)


def _configure_dvc(path: Path, values: dict[str, str]) -> None:
    config = _config(path)
    section = config.setdefault(REMOTE, {})
    found = {option: values[name] for option, name in OPTIONS.items() if name in values}
    if section.get("endpointurl", found["endpointurl"]) != found["endpointurl"]:
        for option in OPTIONS:  # keys belong to their endpoint
            section.pop(option, None)
    section.update(found)
    text = io.BytesIO()
    config.write(text)
    write_private(path, text.getvalue().decode("utf-8"))


def _config(path: Path) -> ConfigObj:
    return ConfigObj(str(path), encoding="utf-8", interpolation=False)
