"""Which of an image's Debian packages have a newer version at Debian, security updates first."""

from __future__ import annotations

import os
import re

from dependency_audit.result import Result, judged, last_line

# As root in the image, which is therefore to be one of yours. A base image may come without the
# archive of security updates.
_SCRIPT = """
. /etc/os-release
printf 'deb http://deb.debian.org/debian-security %s-security main\\n' "$VERSION_CODENAME" \
  >/etc/apt/sources.list.d/audit.list
apt-get update 2>&1 | grep -E '^(Err|E|W):' | grep -v ' Some index files ' >&2 && exit 1
dpkg-query --show | wc -l
apt-get --simulate dist-upgrade
"""
_UPGRADE = re.compile(r"^Inst (\S+) \[(\S+)\] \((\S+) (.*?)\[", re.MULTILINE)


def updates(image: str) -> Result:
    """Ask Debian's archive, by the image's own apt."""
    import docker
    from docker.errors import ContainerError, DockerException

    try:
        client = docker.from_env()
        answer = client.containers.run(
            image, ["-c", _SCRIPT], entrypoint="sh", user="0", remove=True
        ).decode()
    except ContainerError as error:
        # Its text would be the whole script.
        last = last_line(os.fsdecode(error.stderr or b""))
        return Result("Debian", "not checked", f"Debian's archive, from {image}: {last}")
    except DockerException as error:
        return Result(
            "Debian", "not checked", f"Docker Engine: {' '.join(str(error).split()):.200}"
        )
    found = [
        f"{name} {held}: {offered}{' (security)' if 'ecurity' in where else ''}"
        for name, held, offered, where in _UPGRADE.findall(answer)
    ]
    found.sort(key=lambda line: "(security)" not in line)
    return judged("Debian", f"{answer.split(maxsplit=1)[0]} packages of {image}", found)
