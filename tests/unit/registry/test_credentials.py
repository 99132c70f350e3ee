"""Credentials in every form in which Docker and Kubernetes keep them."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from issuesum.errors import RegistryError
from issuesum.registry.client import Registry
from issuesum.registry.credentials import Credentials, credentials_for
from issuesum.registry.reference import Reference
from registry_stub import Answer, Asked, serve

HOST = "registry.example.com:5000"
ANN = {"auth": base64.b64encode(b"ann:a:b").decode()}
NAMED = {"username": "ann", "password": "a:b"}
OURS = Credentials("ann", "a:b")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of DOCKER_CONFIG; programs in it are found."""
    for name in ("REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"):
        monkeypatch.delenv(f"ISSUESUM_{name}", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def write(folder: Path, **config: Any) -> None:
    (folder / "config.json").write_text(json.dumps(config))


def install(folder: Path, name: str, script: str) -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (ANN, OURS),
        (NAMED, OURS),
        ({**NAMED, "auth": ""}, OURS),
        ({**ANN, "username": "bob", "password": "other"}, OURS),
        ({**NAMED, "identitytoken": ""}, OURS),
        ({"auth": base64.b64encode(b"ann:\0").decode(), "identitytoken": "t"},
         Credentials("ann", "", "t")),
        ({}, Credentials()),
        ({"email": "ann@example.com"}, Credentials()),
    ],
)  # fmt: skip
def test_an_entry_is_read_in_each_of_its_forms(
    entry: dict[str, str], found: Credentials, folder: Path
) -> None:
    for name in (HOST, f"https://{HOST}", f"https://{HOST}/v1/"):
        write(folder, auths={"other.example.com": ANN, name: entry})
        assert credentials_for(HOST) == found
    assert not credentials_for("unknown.example.com")


def test_docker_hub_has_a_name_of_its_own(folder: Path) -> None:
    write(folder, auths={"https://index.docker.io/v1/": ANN})
    assert credentials_for("docker.io") == OURS


def test_a_folder_that_is_named_stands_for_the_home(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    (folder / ".docker").mkdir()
    write(folder / ".docker", auths={HOST: ANN})
    assert not credentials_for(HOST)
    monkeypatch.delenv("DOCKER_CONFIG")
    assert credentials_for(HOST) == OURS


@pytest.mark.parametrize("config", [{"credsStore": "broken"}, {"credHelpers": {HOST: "broken"}}])
@pytest.mark.parametrize("script", [None, "exit 3", "echo no JSON", 'echo "{}"'])
def test_an_entry_next_to_a_helper_that_fails_is_used(
    config: dict[str, Any], script: str | None, folder: Path, recwarn: pytest.WarningsRecorder
) -> None:
    if script:
        install(folder, "broken", script)
    write(folder, **config)
    alone = credentials_for(HOST)
    assert not alone
    assert alone.wrong
    write(folder, auths={HOST: NAMED}, **config)
    found = credentials_for(HOST)
    assert (found.username, found.password) == ("ann", "a:b")
    assert not recwarn.list


def test_a_helper_goes_before_an_entry_and_may_have_an_identity_token(folder: Path) -> None:
    install(folder, "ours", """echo '{"Username": "<token>", "Secret": "t"}'""")
    write(folder, auths={HOST: NAMED}, credHelpers={HOST: "ours"})
    assert credentials_for(HOST) == Credentials("", "", "t")
    assert credentials_for("other.example.com") == Credentials()


@pytest.mark.parametrize("text", ["", "[]", '{"auths": []}', '{"auths": {"x": 1}}', "{", "\xff"])
def test_a_file_that_is_none_breaks_nothing(text: str, folder: Path) -> None:
    (folder / "config.json").write_text(text, encoding="latin-1")
    assert not credentials_for(HOST)


@pytest.mark.parametrize(
    "config", [{"credsStore": "broken"}, {"auths": {"HOST": {"auth": "no base64"}}}]
)
def test_only_the_registry_that_asks_is_named_in_the_error(
    config: dict[str, Any], folder: Path
) -> None:
    def script(asked: Asked) -> Answer:
        if "private" in asked.path:
            return Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        return Answer(200, headers={"Docker-Content-Digest": "sha256:1"})

    with serve(script) as (host, _):
        (folder / "config.json").write_text(json.dumps(config).replace("HOST", host))
        assert Registry(host).digest(Reference(host, "public", "v1")) == "sha256:1"
        with pytest.raises(RegistryError, match="must accept our credentials") as refused:
            Registry(host).digest(Reference(host, "private", "v1"))
    message = str(refused.value)
    assert "docker-credential-broken not installed" in message or "config.json" in message
    assert "\n" not in message
