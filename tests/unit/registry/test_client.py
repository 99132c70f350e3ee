"""Answers that a registry may give: faults, other content, every way of asking who we are."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from issuesum.errors import ArtifactError, RegistryError
from issuesum.registry import client
from issuesum.registry.client import INDEX, Artifact, Registry, refusal
from issuesum.registry.image import RemoteImage, read_file, read_image
from issuesum.registry.reference import Reference
from registry_stub import Answer, Asked, serve

CONTENT = json.dumps({"schemaVersion": 2, "layers": []}).encode()
OF_ANN = "Basic " + base64.b64encode(b"ann:tops3cret").decode()
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no credentials but what a test gives."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for name in ("REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"):
        monkeypatch.delenv(f"ISSUESUM_{name}", raising=False)


def _log_in(
    monkeypatch: pytest.MonkeyPatch, host: str, user: str = "ann", word: str = "tops3cret"
) -> None:
    monkeypatch.setenv("ISSUESUM_REGISTRY", f"{host}/namespace")
    monkeypatch.setenv("ISSUESUM_REGISTRY_USERNAME", user)
    monkeypatch.setenv("ISSUESUM_REGISTRY_PASSWORD", word)


def _for_ann(asked: Asked) -> Answer:
    if asked.headers.get("Authorization") == OF_ANN:
        return Answer(200, CONTENT)
    return Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})


def _asked_for(host: str) -> tuple[Registry, Reference]:
    return Registry(host), Reference.parse(f"{host}/team/titles:v1")


def test_a_fault_that_passes_is_not_noticed() -> None:
    faults = iter([503, 502])
    with serve(lambda _: Answer(next(faults, 200), CONTENT)) as (host, seen):
        registry, image = _asked_for(host)
        assert registry.manifest(image) == (DIGEST, json.loads(CONTENT))
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(500, b"boom"), "500 Internal Server Error: boom"),
        (Answer(404), "no such image there"),
        (Answer(200, b"<html>sign in</html>"), "no manifest"),
        (Answer(403, b'{"errors":[{"code":"DENIED"}]}'), "must accept our credentials"),
    ],
)
def test_a_refusal_is_one_line(
    answer: Answer, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_PATIENCE", 0)
    with serve(lambda _: answer) as (host, _):
        registry, image = _asked_for(host)
        with pytest.raises(RegistryError) as refused:
            registry.manifest(image)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nobody_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PATIENCE", 0)
    registry, image = _asked_for("127.0.0.1:1")
    with pytest.raises(RegistryError, match=r"Received: no answer: .*refused.*Try: tools/services"):
        registry.digest(image)


def test_content_that_is_not_what_its_digest_says_is_refused() -> None:
    with serve(lambda _: Answer(200, b"{}")) as (host, _):
        registry, image = _asked_for(host)
        with pytest.raises(RegistryError, match="a manifest with digest"):
            registry.manifest(image.at(DIGEST))
        with pytest.raises(RegistryError, match="another content of"):
            registry.blob(image, DIGEST)


def test_a_registry_that_leaves_out_the_digest_has_it_counted() -> None:
    with serve(lambda _: Answer(200, CONTENT)) as (host, _):
        registry, image = _asked_for(host)
        assert registry.digest(image) == DIGEST


def test_basic_credentials_are_shown_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(_for_ann) as (host, seen):
        _log_in(monkeypatch, host)
        registry, image = _asked_for(host)
        assert registry.digest(image) == DIGEST
        assert registry.digest(image) == DIGEST
    assert "Authorization" not in seen[0].headers
    assert all("Authorization" in asked.headers for asked in seen[1:])


def test_wrong_credentials_are_reported_without_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = Answer(401, b"unauthorized", {"WWW-Authenticate": 'Basic realm="x"'})
    with serve(lambda _: refusal) as (host, seen):
        _log_in(monkeypatch, host)
        registry, image = _asked_for(host)
        with pytest.raises(RegistryError, match="must accept our credentials") as refused:
            registry.digest(image)
        assert "tops3cret" not in str(refused.value) + repr(registry.__dict__)
    assert len(seen) == 2


def test_credentials_of_the_environment_are_sent_to_no_other_registry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = Answer(401, b"unauthorized", {"WWW-Authenticate": 'Basic realm="x"'})
    with serve(lambda _: refusal) as (host, seen):
        _log_in(monkeypatch, "registry.example.org")
        registry, image = _asked_for(host)
        with pytest.raises(RegistryError):
            registry.digest(image)
    assert all("Authorization" not in asked.headers for asked in seen)


@pytest.fixture
def with_tokens() -> Iterator[Callable[[Asked], Answer]]:
    """Return the script of a registry whose tokens are for pulling or for pushing."""

    def script(asked: Asked) -> Answer:
        host = asked.headers["Host"]
        if asked.path.startswith("/token") or asked.method == "POST":
            asked_for = asked.content.decode() or asked.path
            allowed = "pull%2Cpush" if "pull%2Cpush" in asked_for else "pull"
            return Answer(200, json.dumps({"token": f"may-{allowed}"}).encode())
        scope = "pull" if asked.method in ("GET", "HEAD") else "pull,push"
        if asked.headers.get("Authorization", "").endswith(scope.replace(",", "%2C")):
            return Answer(200, CONTENT)
        challenge = f'Bearer realm="http://{host}/token",service="r",scope="repository:t:{scope}"'
        return Answer(401, headers={"WWW-Authenticate": challenge})

    return script


def test_tokens_are_fetched_for_what_is_asked(
    with_tokens: Callable[[Asked], Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(with_tokens) as (host, seen):
        _log_in(monkeypatch, host)
        registry, image = _asked_for(host)
        assert registry.digest(image) == DIGEST
        registry._ask("PUT", image, "manifests/v2", CONTENT, media_type=INDEX)
    (pull, push) = (asked for asked in seen if asked.path.startswith("/token"))
    assert pull.path == "/token?service=r&scope=repository%3At%3Apull"
    assert push.path.endswith("pull%2Cpush")
    assert base64.b64decode(pull.headers["Authorization"].split()[1]) == b"ann:tops3cret"


def test_an_anonymous_token_needs_no_credentials(with_tokens: Callable[[Asked], Answer]) -> None:
    with serve(with_tokens) as (host, seen):
        registry, image = _asked_for(host)
        assert registry.digest(image) == DIGEST
    (token,) = (asked for asked in seen if asked.path.startswith("/token"))
    assert "Authorization" not in token.headers


def test_the_identity_token_of_docker_login_is_exchanged(
    with_tokens: Callable[[Asked], Answer], tmp_path: Path
) -> None:
    with serve(with_tokens) as (host, seen):
        login = {"auth": base64.b64encode(b"ann:").decode(), "identitytoken": "refresh-me"}
        (tmp_path / "config.json").write_text(json.dumps({"auths": {host: login}}))
        registry, image = _asked_for(host)
        assert registry.digest(image) == DIGEST
    (exchange,) = (asked for asked in seen if asked.method == "POST")
    assert b"grant_type=refresh_token&refresh_token=refresh-me" in exchange.content


def test_no_password_goes_in_clear_to_a_token_server_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    challenge = 'Bearer realm="http://tokens.example.org/token",service="r"'
    with serve(lambda _: Answer(401, headers={"WWW-Authenticate": challenge})) as (host, _):
        _log_in(monkeypatch, host)
        registry, image = _asked_for(host)
        with pytest.raises(RegistryError, match="must be reached by https"):
            registry.digest(image)


def test_whoever_a_redirection_leads_to_names_no_server_for_our_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def storage(asked: Asked) -> Answer:
        realm = f'Bearer realm="http://{asked.headers["Host"]}/token",service="x"'
        return Answer(401, headers={"WWW-Authenticate": realm})

    with serve(storage) as (elsewhere, seen):
        there = {"Location": f"http://{elsewhere.replace('127.0.0.1', 'localhost')}/blob"}
        with serve(lambda _: Answer(307, headers=there)) as (host, _):
            _log_in(monkeypatch, host)
            registry, image = _asked_for(host)
            with pytest.raises(RegistryError):
                registry.blob(image, DIGEST)
    assert [asked.path for asked in seen] == ["/blob"]


def test_a_registry_that_knows_referrers_keeps_no_index_of_ours() -> None:
    found = {"manifests": [{"digest": DIGEST, "artifactType": "application/x"}]}

    def script(asked: Asked) -> Answer:
        if asked.path.endswith(f"/referrers/{DIGEST}"):
            return Answer(200, json.dumps(found).encode())
        if asked.method == "PUT" and "/manifests/" in asked.path:
            return Answer(201, headers={"OCI-Subject": DIGEST})
        return Answer(200, CONTENT)

    with serve(script) as (host, seen):
        registry, image = _asked_for(host)
        pinned = image.at(DIGEST)
        registry.attach(pinned, Artifact(b"statement", "application/x", {}))
        assert registry.referrers(pinned) == found["manifests"]
    (put,) = (asked for asked in seen if asked.method == "PUT")
    manifest = json.loads(put.content)
    assert manifest["subject"]["digest"] == DIGEST
    assert manifest["subject"]["size"] == len(CONTENT)
    assert put.path.endswith(hashlib.sha256(put.content).hexdigest())


def test_a_netrc_is_not_for_registries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("default login bob password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serve(_for_ann) as (host, seen):
        _log_in(monkeypatch, host)
        registry, image = _asked_for(host)
        registry._session.trust_env = True  # as where the registry is not on loopback
        assert registry.digest(image) == DIGEST
    assert {asked.headers.get("Authorization") for asked in seen} == {None, OF_ANN}


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"config":{"digest":"x"},"layers":7}'])
def test_what_is_no_image_is_one_line(content: bytes) -> None:
    with serve(lambda _: Answer(200, content)) as (host, _):
        registry, image = _asked_for(host)
        with pytest.raises((ArtifactError, RegistryError)) as refused:
            read_image(registry, image)
    assert "\n" not in str(refused.value)


def test_a_layer_that_is_no_archive_is_refused() -> None:
    with serve(lambda _: Answer(200, CONTENT)) as (host, _):
        registry, image = _asked_for(host)
        layers = ({"digest": DIGEST, "size": len(CONTENT)},)
        with pytest.raises(ArtifactError, match=r"must be a tar that can be unpacked"):
            read_file(registry, RemoteImage(image, 1, {}, "", layers), "app/provenance.json")


def test_a_signed_address_is_not_shown() -> None:
    signed = "https://s3/x?X-Amz-Credential=AK&X-Amz-Signature=ab1"
    shown = str(refusal("r.io/a:b", f"no answer: {signed} x"))
    assert "ab1" not in shown
    assert "https://s3/x?… x" in shown
