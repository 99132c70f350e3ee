"""What registries answer that do not behave as the real one here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, RegistryError
from issuesum.registry import image as module
from issuesum.registry.client import INDEX, MANIFEST, Artifact, Registry
from issuesum.registry.image import read_image
from issuesum.registry.reference import Reference
from registry_stub import Answer, Asked, serve

CONTENT = b'{"schemaVersion": 2, "layers": []}'
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
TAG = DIGEST.replace(":", "-")
LISTED = [{"digest": DIGEST, "artifactType": "application/x"}]
PAGE = Answer(200, b"<!doctype html>")


@pytest.fixture(autouse=True)
def waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have no credentials and no time to wait; return how long each pause would have been."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for name in ("REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"):
        monkeypatch.delenv(f"ISSUESUM_{name}", raising=False)
    seen: list[float] = []
    monkeypatch.setattr("issuesum.registry.client.time.sleep", seen.append)
    return seen


def limited(after: str) -> Callable[[Asked], Answer]:
    """Answer 429 once, and then what is asked for."""
    left = [Answer(429, b"toomanyrequests", {"Retry-After": after})]
    return lambda _: left.pop() if left else Answer(200, CONTENT)


@pytest.mark.parametrize(("after", "pauses"), [("7", [7.0]), ("0", [0.5]), ("soon", [0.5])])
def test_a_short_pause_is_kept_and_reported(
    after: str, pauses: list[float], waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(limited(after)) as (host, _):
        assert Registry(host).manifest(Reference(host, "name", "tag"))[0] == DIGEST
    assert waits == pauses
    asked = ["registry: 429 Too Many Requests: toomanyrequests; again in 7 s"]
    assert capsys.readouterr().err.splitlines() == (asked if after == "7" else [])


@pytest.mark.parametrize("after", ["61", "3600", "1893456000", "Fri, 31 Dec 2100 23:59:59 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_long_pause_is_the_end(after: str, status: int, waits: list[float]) -> None:
    busy = Answer(status, b"busy", {"Retry-After": after})
    with serve(lambda _: busy) as (host, seen):
        image = Reference(host, "name", "tag")
        for ask in (Registry(host).digest, Registry(host).manifest, Registry(host).try_push):
            with pytest.raises(RegistryError, match=rf"{status} .*it asks to wait [\d,]+ s"):
                ask(image)
    assert len(seen) == 3
    assert waits == []


def test_403_is_an_absent_tag_where_a_push_is_allowed() -> None:
    allowed = [True]

    def script(asked: Asked) -> Answer:
        if asked.method == "POST" and allowed[0]:
            return Answer(202, headers={"Location": "/v2/team/name/blobs/uploads/1"})
        return Answer(204) if asked.method == "DELETE" else Answer(403, b"DENIED")

    with serve(script) as (host, seen):
        image = Reference(host, "team/name", "tag")
        assert Registry(host).digest(image) is None
        assert [asked.method for asked in seen] == ["HEAD", "POST", "DELETE"]
        assert not Registry(host).holds(image, DIGEST)
        allowed[0] = False
        with pytest.raises(RegistryError, match=r"must accept our credentials.*DENIED"):
            Registry(host).digest(image)


@pytest.mark.parametrize("location", [None, "http://[bad"])
def test_an_upload_without_a_place_is_one_line(location: str | None) -> None:
    headers = {"Location": location} if location else {}
    with (
        serve(lambda _: Answer(202, headers=headers)) as (host, _),
        pytest.raises(RegistryError, match="no place to upload to") as refused,
    ):
        Registry(host).upload(Reference(host, "name", "tag"), b"x", "sha256:1")
    assert "\n" not in str(refused.value)


NO_API = [Answer(status, b"no") for status in (400, 403, 404, 405, 406, 410, 501)] + [PAGE]


@pytest.mark.parametrize("answer", NO_API, ids=lambda answer: answer.status)
def test_without_a_referrers_api_the_tag_has_them(answer: Answer) -> None:
    index = json.dumps({"mediaType": INDEX, "manifests": LISTED}).encode()
    of_tag = [Answer(200, index), Answer(404), Answer(403, b"DENIED"), PAGE]
    with serve(lambda asked: of_tag[0] if TAG in asked.path else answer) as (host, _):
        pinned = Reference(host, "name").at(DIGEST)
        assert Registry(host).referrers(pinned) == LISTED
        for _ in range(2):
            of_tag.pop(0)
            assert Registry(host).referrers(pinned) == []
        of_tag.pop(0)
        with pytest.raises(RegistryError, match="a list of referrers that is none"):
            Registry(host).referrers(pinned)


class Plain:
    """A registry without the referrers API, whose tags cannot be moved."""

    def __init__(self) -> None:
        self.held = {f"manifests/{DIGEST}": CONTENT}
        self.lost = False  # whether the answer to the next put of a tag is

    def __call__(self, asked: Asked) -> Answer | None:
        path = asked.path.removeprefix("/v2/name/")
        if asked.method == "POST":
            return Answer(202, headers={"Location": "/v2/name/uploads"})
        if asked.method == "PUT" and "/manifests/" in asked.path:
            if path in self.held and "/sha256:" not in path:
                return Answer(409, b"TAG_IMMUTABLE")
            self.held[path] = asked.content
            if self.lost and TAG in path:
                self.lost = False
                return None
            return Answer(201)
        if asked.method == "PUT":
            return Answer(201)
        return Answer(200, self.held[path]) if path in self.held else Answer(404)


@pytest.mark.parametrize("lost", [False, True])
def test_a_tag_in_place_of_the_api_is_put_once_with_all(lost: bool) -> None:
    plain = Plain()
    plain.lost = lost
    artifacts = [Artifact(str(number).encode(), "application/x", {}) for number in range(3)]
    with serve(plain) as (host, seen):
        pinned = Reference(host, "name").at(DIGEST)
        registry = Registry(host)
        registry.attach(pinned, *artifacts)
        assert len(registry.referrers(pinned)) == 3
        registry.attach(pinned, *artifacts)
        puts = [asked.path for asked in seen if asked.method == "PUT" and TAG in asked.path]
        assert len(puts) == (2 if lost else 1)
        with pytest.raises(RegistryError, match="409 Conflict: TAG_IMMUTABLE"):
            registry.attach(pinned, Artifact(b"later", "application/x", {}))
        assert len(registry.referrers(pinned)) == 3


NAME = "registry.example.com"
"""Reached by a proxy, so that its ports may be any."""


@pytest.mark.parametrize(
    ("host", "location", "known"),
    [
        (f"{NAME}:80", f"http://{NAME}/v2/name/uploads/1", True),
        (f"{NAME}:80", f"http://{NAME.upper()}:80/v2/name/uploads/1", True),
        (NAME, f"http://{NAME}:80/v2/name/uploads/1", True),
        (f"{NAME}:80", "/v2/name/uploads/1", True),
        (f"{NAME}:80", f"http://{NAME}:8080/v2/name/uploads/1", False),
        (NAME, "http://storage.example.com/v2/name/uploads/1", False),
    ],
)
def test_only_the_registry_gets_its_credentials_whatever_it_calls_itself(
    host: str, location: str, known: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def script(asked: Asked) -> Answer:
        if "storage" in asked.path or "uploads/1" in asked.path:
            return Answer(200, CONTENT)
        if "Authorization" not in asked.headers:
            return Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if asked.method == "POST":
            return Answer(202, headers={"Location": location})
        return Answer(307, headers={"Location": "http://storage.example.com/signed"})

    (tmp_path / "netrc").write_text("default login bob password other\n")
    with serve(script) as (proxy, seen):
        for name, value in {
            "HTTP_PROXY": f"http://{proxy}", "http_proxy": f"http://{proxy}", "NO_PROXY": "",
            "no_proxy": "", "NETRC": str(tmp_path / "netrc"),
            "ISSUESUM_INSECURE_REGISTRIES": host, "ISSUESUM_REGISTRY": host,
            "ISSUESUM_REGISTRY_USERNAME": "ann", "ISSUESUM_REGISTRY_PASSWORD": "x",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        registry, image = Registry(host), Reference(host, "name", "tag")
        registry.upload(image, b"x", "sha256:1")
        put = seen[-1]
        assert registry.blob(image, DIGEST) == CONTENT
    assert put.method == "PUT"
    assert ("Authorization" in put.headers) == known
    assert "storage" in seen[-1].path
    assert "Authorization" not in seen[-1].headers


ARM, AMD, IBM = ({"os": "linux", "architecture": each} for each in ("arm64", "amd64", "s390x"))
WINDOWS = {"os": "windows", "architecture": "amd64"}
UNKNOWN = {"os": "unknown", "architecture": "unknown"}


@pytest.mark.parametrize(
    ("platforms", "chosen"),
    [
        ([ARM, AMD], 1),
        ([UNKNOWN, ARM, UNKNOWN], 1),
        ([None], 0),
        ([{**ARM, "variant": "v8"}, WINDOWS, {**AMD, "variant": "v1"}], 2),
        ([ARM, IBM], None),
        ([AMD, AMD], None),
        ([UNKNOWN], None),
        ([], None),
    ],
)
def test_of_an_index_the_image_for_this_machine_is_meant(
    platforms: list, chosen: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "machine", lambda: "x86_64")
    held: dict[str, bytes] = {}

    def hold(content: bytes, kind: str = "manifests") -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        held[f"/v2/name/{kind}/{digest}"] = content
        return digest

    listed = []
    for number, platform in enumerate(platforms):
        config = hold(json.dumps({"created": str(number)}).encode(), "blobs")
        manifest = {"mediaType": MANIFEST, "config": {"digest": config}, "layers": []}
        listed.append({"digest": hold(json.dumps(manifest).encode()), "platform": platform})
        if platform is None:
            del listed[-1]["platform"]
    index = json.dumps({"mediaType": INDEX, "manifests": listed}).encode()
    held["/v2/name/manifests/tag"] = index
    with serve(lambda asked: Answer(200, held[asked.path])) as (host, _):
        image = Reference(host, "name", "tag")
        if chosen is None:
            with pytest.raises(ArtifactError, match="an index with one for linux/amd64") as refused:
                read_image(Registry(host), image)
            real = [item["digest"] for item in listed if item["platform"] != UNKNOWN]
            assert all(digest in str(refused.value) for digest in real)
            return
        found = read_image(Registry(host), image)
    assert (found.created, found.reference.digest) == (str(chosen), listed[chosen]["digest"])
