"""What uv.lock says by itself, and what the environment made from it says of licences."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dependency_audit.result import Result, judged

_OLD = timedelta(days=5 * 365)
_STRICT = re.compile(r"GPL|AGPL|SSPL|Business Source|BUSL|Elastic|Commons Clause", re.IGNORECASE)
"""Licences that ask more of who ships an image than to name the authors."""


def read_lock(root: Path) -> list[dict[str, Any]]:
    """Return the packages of uv.lock."""
    content = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))
    packages: list[dict[str, Any]] = content["package"]
    return packages


def unhashed(packages: list[dict[str, Any]]) -> Result:
    """Look for files that are locked without a hash."""
    files = [(one, file) for one in packages for file in _files(one)]
    found = [f"{one['name']}: {file['url']}" for one, file in files if "hash" not in file]
    return judged("hashes", f"{len(files):,} files of uv.lock", found)


def old(packages: list[dict[str, Any]], accepted: dict[str, str], now: datetime) -> Result:
    """Look for releases that nobody has replaced for years, as where a project was left."""
    found = []
    for one in packages:
        dates = [datetime.fromisoformat(file["upload-time"]) for file in _files(one)]
        if dates and now.astimezone(UTC) - max(dates) > _OLD and one["name"] not in accepted:
            found.append(f"{one['name']} {one['version']} is of {max(dates):%Y-%m}")
    told = f"{len(packages)} packages of uv.lock; {len(accepted)} old ones stay, each for a reason"
    return judged("old releases", told, found)


def licences(root: Path, accepted: dict[str, str]) -> Result:
    """Read what the image's distributions declare, in this environment, which has them too."""
    from issuesum.shipping.attestation.distributions import SCRIPT, read

    pinned = (root / "serving/requirements.txt").read_text(encoding="utf-8")
    wanted = dict(re.findall(r"^([\w.-]+)==([\w.+!-]+)", pinned, re.MULTILINE))
    answer = subprocess.run([sys.executable, "-I", "-c", SCRIPT], capture_output=True, check=True)
    declared = {_normal(one.name): one for one in read(answer.stdout)}
    found, counted = [], 0
    for name, version in wanted.items():
        one = declared.get(name)
        if one is None or one.version != version:
            return Result(
                "licences", "not checked", f"{name} {version} is not installed: make setup"
            )
        counted += 1
        if name not in accepted and (one.licence is None or _STRICT.search(one.licence)):
            found.append(f"{name} {version}: {one.licence or 'declares none'}")
    told = f"{counted} distributions of the image; {len(accepted)} stay, each for a reason"
    return judged("licences", told, found)


def _files(package: dict[str, Any]) -> list[dict[str, Any]]:
    sdist = [package["sdist"]] if "sdist" in package else []
    return [*package.get("wheels", ()), *sdist]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
