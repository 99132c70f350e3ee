"""What others know of the locked versions: vulnerabilities, and releases that were withdrawn."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path

from dependency_audit.result import Result, judged

_SOURCES = {"osv": "api.osv.dev", "pypi": "pypi.org"}
_YANKED = re.compile(r"warning: `(.+)` is yanked(?: \(reason: \"(.*)\"\))?")


def export(root: Path, extra: str) -> str:
    """Return the locked versions of an environment with their hashes, as pip takes them.

    Raises:
        subprocess.CalledProcessError: uv.lock is not that of pyproject.toml.
    """
    command = [
        "uv", "export", "--quiet", "--locked", "--all-groups", "--extra", extra,
        "--no-emit-project", "--no-header", "--no-annotate",
    ]  # fmt: skip
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def vulnerabilities(requirements: str, source: str, accepted: dict[str, str]) -> Result:
    """Ask pip-audit's source for what is known of each version."""
    ignored = [word for each in accepted for word in ("--ignore-vuln", each)]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        done = subprocess.run(
            ["pip-audit", "--format", "json", "--progress-spinner", "off", "--disable-pip",
             "--require-hashes", "--vulnerability-service", source, "-r", file.name, *ignored],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    try:
        listed = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return Result("vulnerabilities", "not checked", f"{_SOURCES[source]}: {last:.200}")
    skipped = [one["name"] for one in listed if "skip_reason" in one]
    if skipped or not listed:
        told = f"{_SOURCES[source]} knows nothing of {len(skipped)} of {len(listed)}"
        return Result("vulnerabilities", "not checked", f"{told}: {', '.join(skipped[:3])}")
    found = [
        f"{one['name']} {one['version']}: {each['id']}, mended in "
        f"{', '.join(each['fix_versions']) or 'no release'}"
        for one in listed
        for each in one["vulns"]
    ]
    return judged("vulnerabilities", f"{len(listed)} versions at {_SOURCES[source]}", found)


def yanked(requirements: str) -> Result:
    """Ask the package index which of the versions were withdrawn."""
    done = subprocess.run(
        ["uv", "pip", "compile", "--no-deps", "--no-cache", "--no-header", "--no-annotate",
         "--python-version", "3.12", "-"],
        input=requirements, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1].strip()
        return Result("withdrawn", "not checked", f"the package index: {last:.200}")
    found = [f"{name}: {why or 'no reason given'}" for name, why in _YANKED.findall(done.stderr)]
    count = len(re.findall(r"^[\w.-]+(?:\[.*\])?==", requirements, re.MULTILINE))
    return judged("withdrawn", f"{count} versions at the package index", found)
