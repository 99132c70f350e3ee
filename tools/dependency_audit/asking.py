"""What others know of the locked versions: vulnerabilities, and releases that were withdrawn."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path

from dependency_audit.result import Result, judged, last_line

_SOURCES = {"osv": "api.osv.dev", "pypi": "pypi.org"}
_VULNERABILITIES = "vulnerabilities"
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


def vulnerabilities(requirements: str, source: str, accepted: dict[str, str]) -> list[Result]:
    """Ask pip-audit's source for what is known of each version.

    Returns:
        What is known of those that the source knows, and a result of its own for the others.
    """
    ignored = [word for each in accepted for word in ("--ignore-vuln", each)]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        try:
            done = subprocess.run(
                ["pip-audit", "--format", "json", "--progress-spinner", "off", "--disable-pip",
                 "--require-hashes", "--vulnerability-service", source, "-r", file.name, *ignored],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        except FileNotFoundError:
            return [_unasked("pip-audit is not installed: make setup")]
    try:
        listed = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [_unasked(f"{_SOURCES[source]}: {last_line(done.stderr)}")]
    skipped = [one["name"] for one in listed if "skip_reason" in one]
    known = [one for one in listed if "skip_reason" not in one]
    found = [
        f"{one['name']} {one['version']}: {each['id']}, mended in "
        f"{', '.join(each['fix_versions']) or 'no release'}"
        for one in known
        for each in one["vulns"]
    ]
    results = []
    if known:
        told = f"{len(known)} versions at {_SOURCES[source]}"
        results.append(judged(_VULNERABILITIES, told, found))
    if skipped or not listed:
        told = f"{_SOURCES[source]} knows nothing of {len(skipped)} of {len(listed)}"
        results.append(_unasked(f"{told}: {', '.join(skipped[:3])}"))
    return results


def _unasked(why: str) -> Result:
    return Result(_VULNERABILITIES, "not checked", why)


def yanked(requirements: str) -> Result:
    """Ask the package index which of the versions were withdrawn."""
    done = subprocess.run(
        ["uv", "pip", "compile", "--no-deps", "--no-cache", "--no-header", "--no-annotate",
         "--python-version", "3.12", "-"],
        input=requirements, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        told = f"the package index: {last_line(done.stderr)}"
        return Result("withdrawn", "not checked", told)
    found = [_withdrawn(line) for line in done.stderr.splitlines() if "yank" in line.lower()]
    count = len(re.findall(r"^[\w.-]+(?:\[.*\])?==", requirements, re.MULTILINE))
    return judged("withdrawn", f"{count} versions at the package index", found)


def _withdrawn(line: str) -> str:
    """Return what a warning of uv says; one in other words as it is, lest it be lost."""
    match = _YANKED.fullmatch(line)
    return f"{match[1]}: {match[2] or 'no reason given'}" if match else line
