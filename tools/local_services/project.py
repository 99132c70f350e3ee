"""Tells a clone of the project where the services are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from local_services.files import write_private

if TYPE_CHECKING:
    from pathlib import Path

REMOTE = 'remote "storage"'  # the quotes are part of the section's name, as DVC writes it
OPTIONS = {
    "endpointurl": "AWS_ENDPOINT_URL_S3",
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
}


def write(project: Path, values: dict[str, str]) -> None:
    """Write `.services.env`, and `.dvc/config.local` where there is a `.dvc` and an endpoint."""
    lines = "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
    write_private(project / ".services.env", lines)
    if (project / ".dvc").is_dir() and "AWS_ENDPOINT_URL_S3" in values:
        _configure_dvc(project / ".dvc" / "config.local", values)


def _configure_dvc(path: Path, values: dict[str, str]) -> None:
    # configobj is what DVC reads and writes the file with; `dvc remote modify` would take the
    # secret on its command line, and three seconds.
    from configobj import ConfigObj  # type: ignore[import-untyped]

    config = ConfigObj(str(path), encoding="utf-8", interpolation=False)
    section = config.setdefault(REMOTE, {})
    found = {option: values[name] for option, name in OPTIONS.items() if name in values}
    if section.get("endpointurl", found["endpointurl"]) != found["endpointurl"]:
        # Keys belong to the endpoint beside which they stand.
        for option in OPTIONS:
            section.pop(option, None)
    section.update(found)
    text = io.BytesIO()
    config.write(text)
    write_private(path, text.getvalue().decode("utf-8"))
