"""A proxy before a real registry, for what other registries and networks do; see `Faults`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from registry_stub import Answer, Asked, serve

Forward = Callable[[], Answer]
Fault = Callable[[Asked, Forward], Answer | None]
"""Takes a request, and what asks the registry, and gives the answer; None cuts the line."""
_KEPT = ("Content-Type", "Docker-Content-Digest", "Location", "Range", "WWW-Authenticate")


@dataclass
class Faults:
    """The faults of a registry, and what it was asked.

    Attributes:
        host: host:port of the proxy.
        seen: all requests.
        faults: the first is the nearest to the client.
    """

    host: str
    seen: list[Asked]
    faults: list[Fault] = field(default_factory=list)

    def puts_of_tags(self) -> list[str]:
        """Return the tags that were put, in order, with repetitions."""
        paths = [asked.path for asked in self.seen if asked.method == "PUT"]
        return [path.split("/")[-1] for path in paths if _is_of_tag(path)]


@contextmanager
def faulty(target: str, *faults: Fault) -> Iterator[Faults]:
    """Put a proxy with faults before the registry at host:port."""
    session = requests.Session()
    session.trust_env = False
    made = Faults("", [], list(faults))

    def forward(asked: Asked) -> Answer:
        headers = {name: value for name, value in asked.headers.items() if name != "Connection"}
        # Asked by GET, what HEAD answers has its length, too.
        method = "GET" if asked.method == "HEAD" and "/manifests/" in asked.path else asked.method
        done = session.request(
            method, f"http://{target}{asked.path}", data=asked.content, headers=headers,
            allow_redirects=False,
        )  # fmt: skip
        kept = {name: done.headers[name] for name in _KEPT if name in done.headers}
        return Answer(done.status_code, done.content, kept)

    def ask(asked: Asked, number: int = 0) -> Answer | None:
        if number == len(made.faults):
            return forward(asked)
        return made.faults[number](asked, lambda: ask(asked, number + 1))

    with serve(ask) as (made.host, made.seen):
        yield made
    session.close()


def forbids_what_is_absent(asked: Asked, forward: Forward) -> Answer:
    """Answer 403 for a manifest that is not there, as Artifactory may."""
    answer = forward()
    absent = answer.status == 404 and "/manifests/" in asked.path
    return Answer(403, _errors("DENIED")) if absent else answer


def keeps_tags() -> Fault:
    """Refuse to put a tag that was put, as registries with immutable tags do."""
    held: set[str] = set()

    def keep(asked: Asked, forward: Forward) -> Answer:
        if asked.method != "PUT" or not _is_of_tag(asked.path):
            return forward()
        if asked.path in held:
            return Answer(412, _errors("PRECONDITION"))
        held.add(asked.path)
        return forward()

    return keep


def moves_uploads(to: str) -> Fault:
    """Have uploads go to another host:port, as a registry does that knows itself by that name."""

    def move(_: Asked, forward: Forward) -> Answer:
        answer = forward()
        if "uploads" in answer.headers.get("Location", ""):
            parts = urlsplit(answer.headers["Location"])
            answer.headers["Location"] = parts._replace(scheme="http", netloc=to).geturl()
        return answer

    return move


def first(times: int, method: str, path: str, fault: Fault) -> Fault:
    """Apply a fault to the first requests of a method to paths that hold `path`."""
    left = [times]

    def apply(asked: Asked, forward: Forward) -> Answer | None:
        if left[0] and asked.method == method and path in asked.path:
            left[0] -= 1
            return fault(asked, forward)
        return forward()

    return apply


def refuses(status: int, code: str) -> Fault:
    """Answer with an error of the registry."""
    return lambda *_: Answer(status, _errors(code))


def limits(seconds: int) -> Fault:
    """Answer 429, to be asked again after some seconds."""
    return lambda *_: Answer(429, _errors("TOOMANYREQUESTS"), {"Retry-After": str(seconds)})


def cuts(_: Asked, forward: Forward) -> None:
    """Do what is asked, and let the answer be lost."""
    forward()


def _is_of_tag(path: str) -> bool:
    return "/manifests/" in path and "/sha256:" not in path


def _errors(code: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()
