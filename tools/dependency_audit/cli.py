"""`tools/audit`."""

from __future__ import annotations

import argparse
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from dependency_audit import asking, debian, locked
from dependency_audit.result import Result

_ROOT = Path(__file__).parents[2]
_ACCEPTED = Path(__file__).with_name("accepted.toml")
_FOUND, _NOT_CHECKED = 1, 3


def main(arguments: list[str]) -> int:
    """Print what each question gave.

    Returns:
        0 if all were answered and nothing was found, 1 if something was found, 3 if nothing was
        found but a question has no answer.
    """
    parser = argparse.ArgumentParser(prog="tools/audit", description=__doc__)
    parser.add_argument("--extra", choices=["cpu", "gpu"], default="cpu", help="which environment")
    parser.add_argument("--source", choices=["osv", "pypi"], default="osv", help="vulnerabilities")
    parser.add_argument("--image", help="also ask Debian of this image; its apt runs as root")
    given = parser.parse_args(arguments)
    states = set()
    for result in _results(given.extra, given.source, given.image):
        print(f"{result.question:<16} {result.state:<12} {result.told}", flush=True)
        for line in result.found:
            print(f"{'':<16} - {line}", flush=True)
        states.add(result.state)
    if "found" in states:
        return _FOUND
    return _NOT_CHECKED if "not checked" in states else 0


def _results(extra: str, source: str, image: str | None) -> Iterator[Result]:
    accepted = tomllib.loads(_ACCEPTED.read_text(encoding="utf-8"))
    packages = locked.read_lock(_ROOT)
    yield locked.unhashed(packages)
    yield locked.old(packages, accepted["old"], datetime.now(UTC))
    yield locked.licences(_ROOT, accepted["licences"])
    try:
        requirements = asking.export(_ROOT, extra)
    except (OSError, subprocess.CalledProcessError) as error:
        yield Result("uv.lock", "not checked", f"uv export: {getattr(error, 'stderr', error)}")
        return
    yield asking.yanked(requirements)
    yield from asking.vulnerabilities(requirements, source, accepted["vulnerabilities"])
    if image:
        yield debian.updates(image)
