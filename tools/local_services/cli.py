"""`tools/services up|status|down|browser`: a line a service, exit code 0 only if all is well."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local_services import browser, dvc_remote, files, project, settings
from local_services.base_image import BaseImage
from local_services.engine import Engine
from local_services.errors import ServiceError
from local_services.registry import Registry
from local_services.s3 import S3

if TYPE_CHECKING:
    from local_services.service import Service

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Run one verb.

    Returns:
        The exit code: 0 if all is well, 1 if something is not.
    """
    parser = argparse.ArgumentParser(prog="tools/services", description=__doc__)
    parser.add_argument("verb", choices=["up", "status", "down", "browser"])
    parser.add_argument(
        "--project", type=Path, default=ROOT, help="clone to write the settings to (this one)"
    )
    given = parser.parse_args(arguments)
    try:
        found = settings.read(os.environ)
        if given.verb == "status":
            return _status(_services(found, given.project))
        with files.lock(found.state):
            if given.verb == "browser":
                print(browser.install(found), flush=True)
                return 0
            # Looked at under the lock: another `up` may just have chosen the ports.
            if given.verb == "down":
                return _down([S3(found), *_others(found)])
            return _up(_services(found, given.project), given.project)
    except (ServiceError, OSError) as error:
        _complain(error)
        return 1
    except KeyboardInterrupt:
        return 130


def _services(found: settings.Settings, clone: Path) -> list[Service]:
    remote = dvc_remote.url(clone)
    own = remote and not f"{remote}/".startswith(f"s3://{found.bucket}/")
    return [dvc_remote.OwnRemote(remote) if own and remote else S3(found), *_others(found)]


def _others(found: settings.Settings) -> list[Service]:
    """List them in order: the registry may need the engine, the base image does."""
    return [Engine(found), Registry(found), BaseImage(found)]


def _up(services: list[Service], clone: Path) -> int:
    """Start all that can be started; one that fails does not keep the others from running."""
    if not clone.is_dir():
        raise ServiceError(f"--project must be a folder. Received: {clone}.")
    values: dict[str, str] = {}
    code = 0
    for service in services:
        try:
            report = service.up()
        except (ServiceError, OSError) as error:
            _complain(error)
            code = 1
            continue
        values |= service.exports()
        print(report, flush=True)
    project.write(clone, values)
    return code


def _status(services: list[Service]) -> int:
    reports = [service.status() for service in services]
    print(*reports, sep="\n")
    return 0 if all(report.up for report in reports) else 1


def _down(services: list[Service]) -> int:
    code = 0
    for service in reversed(services):
        try:
            report = service.down()
        except (ServiceError, OSError) as error:
            _complain(error)
            code = 1
            continue
        if report:
            print(report, flush=True)
    return code


def _complain(error: Exception) -> None:
    print("error:", " ".join(str(error).split()), file=sys.stderr, flush=True)
