"""Names of images, as `docker pull` takes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from issuesum.errors import ParamsError

_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATTERN = re.compile(
    rf"(?P<host>[A-Za-z0-9.-]+(?::\d+)?)/(?P<name>{_NAME}(?:/{_NAME})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
"""OCI distribution specification, "Pulling manifests"."""
_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+)(:\d+)?")


@dataclass(frozen=True)
class Reference:
    """An image or a whole repository of a registry."""

    host: str  # host[:port]
    name: str
    tag: str | None = None
    digest: str | None = None  # sha256:…, of the manifest; goes before the tag

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read `[host[:port]/]name[:tag][@digest]`, as docker does (ParamsError: it is none)."""
        hub = "docker.io/" if "/" in text else "docker.io/library/"
        found = _PATTERN.fullmatch(text if names_host(text) else f"{hub}{text}")
        if not found:
            raise ParamsError(
                f"An image must be host[:port]/name:tag or …@sha256:<64 hex digits>. Received: "
                f"{text!r}. Try: the `image` of serving/image.json."
            )
        return cls(**found.groupdict())

    @property
    def repository(self) -> str:
        """host[:port]/name."""
        return f"{self.host}/{self.name}"

    @property
    def version(self) -> str:
        """What a registry calls the manifest: the digest, or else the tag (`latest` if none)."""
        return self.digest or self.tag or "latest"

    @property
    def is_local(self) -> bool:
        """Whether the registry is one of this machine."""
        return is_loopback(self.host)

    def at(self, digest: str) -> Reference:
        """Return the same repository's manifest of that digest."""
        return replace(self, tag=None, digest=digest)

    def __str__(self) -> str:
        """Return it as `docker pull` takes it."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}{f'@{self.digest}' if self.digest else ''}"


def is_loopback(host: str) -> bool:
    """Return whether host[:port] is this machine by Docker Engine's rule."""
    return _LOOPBACK.fullmatch(host) is not None


def names_host(text: str) -> bool:
    """Return whether the name of an image begins with a registry, by Docker Engine's rule."""
    first, slash, _ = text.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")
