"""`tools/services up|status|down|browser`: a line a service, exit code 0 only if all is well."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from local_services import apt, settings
from local_services.base_image import BaseImage
from local_services.common import Report, Service, ServiceError, lock
from local_services.engine import Engine
from local_services.registry import Registry
from local_services.s3 import S3, OwnRemote

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Run one verb and return the exit code: 0 if all is well, 1 if something is not."""
    parser = argparse.ArgumentParser(prog="tools/services", description=__doc__)
    parser.add_argument("verb", choices=["up", "status", "down", "browser"])
    parser.add_argument(
        "--project", type=Path, default=ROOT, help="clone to write the settings to (this one)"
    )
    parser.add_argument("--only", metavar="SERVICE", help="of `up`: start this one alone (all)")
    given = parser.parse_args(arguments)
    try:
        return 0 if _run(given.verb, given.project, given.only) else 1
    except (ServiceError, OSError) as error:
        return _fail(error)
    except KeyboardInterrupt:
        return 130


def _run(verb: str, clone: Path, only: str | None) -> bool:
    found = settings.read(os.environ)
    if verb == "status":
        reports = [service.status() for service in services(found, clone)]
        print(*reports, sep="\n")
        return all(report.up for report in reports)
    with lock(found.state):
        if verb == "browser":
            return _print(lambda: apt.install_browser(found))
        # Looked at under the lock: another `up` may just have chosen the ports.
        if verb == "down":
            ended = [_print(of.down) for of in reversed(services(found, clone=None))]
            return all(ended)
        if not clone.is_dir():
            raise ServiceError(f"--project must be a folder. Received: {clone}.")
        # One that fails does not keep the others from running.
        wanted = [of for of in services(found, clone) if only in {None, of.name}]
        running = [service for service in wanted if _print(service.up)]
        values = {name: value for of in running for name, value in of.exports().items()}
        settings.write(clone, values)
        return running == wanted


def services(found: settings.Settings, clone: Path | None) -> list[Service]:
    """List them in order: the registry may need the engine, the base image does."""
    remote = clone and settings.remote_url(clone)
    own = remote and not f"{remote}/".startswith(f"s3://{found.bucket}/")
    s3 = OwnRemote(remote) if own and remote else S3(found)
    return [s3, Engine(found), Registry(found), BaseImage(found)]


def _print(verb: Callable[[], Report | None]) -> bool:
    """Print the line of a service, or why it failed; return whether it did not."""
    try:
        if report := verb():
            print(report, flush=True)
    except (ServiceError, OSError) as error:
        return not _fail(error)
    return True


def _fail(error: Exception) -> int:
    print("error:", " ".join(str(error).split()), file=sys.stderr, flush=True)
    return 1
