"""`issuesum doctor` against the real S3 server and registry, and against what ails them."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from click.testing import CliRunner

from issuesum.automation import doctor
from issuesum.automation.doctor import Clone, Finding
from issuesum.cli.doctor import command
from issuesum.errors import RegistryError
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from own_registry import own_registry
from projects import copy_project
from registry_stub import Answer, Asked, serve

pytestmark = pytest.mark.e2e

NAME = "health-test"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a fresh clone, which knows of S3 by the environment alone."""
    project = copy_project(tmp_path_factory.mktemp("doctor") / "project")
    project.commit("begin")
    return Clone(project.path)


@pytest.fixture
def settings(clone: Clone) -> Iterator[Path]:
    """Return .dvc/config.local, to be written; it is removed afterwards."""
    path = clone.root / ".dvc/config.local"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def silent() -> Iterator[str]:
    """Return host:port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("ISSUESUM_REGISTRY_USERNAME", "ISSUESUM_REGISTRY_PASSWORD", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def _s3() -> Any:
    return botocore.session.get_session().create_client("s3", region_name="us-east-1")


def test_a_fresh_clone_with_services_lacks_nothing_but_its_data(
    services, clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone.root)
    names = ("params", "remote", "engine", "registry")
    done = CliRunner().invoke(command, [part for name in names for part in ("--only", name)])
    assert done.exit_code == 0, done.output
    assert "; reads and writes" in done.output
    assert f"{services.registry}/issuesummarization (ISSUESUM_REGISTRY)" in done.output
    assert services.secret not in done.output
    assert os.environ["AWS_ACCESS_KEY_ID"] not in done.output


def test_looking_leaves_nothing_in_s3_and_in_the_registry(services, clone: Clone) -> None:
    bucket = os.environ["ISSUESUM_S3_BUCKET"]
    assert doctor._remote(clone).status == "ok"
    left = _s3().list_objects_v2(Bucket=bucket, Prefix="dvc/issuesum-doctor")
    assert "Contents" not in left
    assert not _s3().list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert _registry(services.registry).status == "ok"
    with pytest.raises(RegistryError, match="no such image"):
        Registry(services.registry).manifest(Reference.parse(f"{services.registry}/{NAME}"))


@pytest.mark.usefixtures("services")
def test_keys_are_found_where_dvc_finds_them(
    clone: Clone,
    settings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, secret = (os.environ[f"AWS_{n}"] for n in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    nobody = doctor._remote(clone)
    assert nobody.status == "fail"
    assert "Unable to locate credentials" in nobody.found
    assert "AWS_ACCESS_KEY_ID" in nobody.advice
    section = f"aws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    (tmp_path / "credentials").write_text(f"[default]\n{section}")
    assert doctor._remote(clone).status == "ok"
    lines = ("['remote \"storage\"']", f"access_key_id = {key}", f"secret_access_key = {secret}")
    settings.write_text("\n".join(lines))
    assert doctor._remote(clone).status == "ok"
    committed = clone.root / ".dvc/config"
    before = committed.read_text()
    settings.unlink()
    committed.write_text(before + "\n".join(lines[1:]))
    found = doctor._remote(clone)
    committed.write_text(before)
    assert found.status == "note"
    assert "since Git holds .dvc/config" in found.advice
    assert secret not in found.found + found.advice


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(
    ("variables", "words", "advice"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, "SignatureDoesNotMatch", "AWS_ACCESS_KEY_ID"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID and"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}, "Could not connect", "tools/services up"),
    ],
)
def test_s3_that_refuses(
    variables: dict[str, str],
    words: str,
    advice: str,
    clone: Clone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = doctor._remote(clone)
    assert found.status == "fail"
    assert words in found.found
    assert advice in found.advice
    assert not any(value in found.found for value in variables.values() if "http" not in value)


@pytest.mark.usefixtures("services")
def test_a_bucket_that_is_not_there(
    clone: Clone,
    settings: Path,
) -> None:
    settings.write_text("['remote \"storage\"']\nurl = s3://no-such-bucket/dvc\n")
    found = doctor._remote(clone)
    assert "may not read: list_objects_v2: NoSuchBucket" in found.found
    assert "dvc remote modify storage url" in found.advice


def test_half_a_pair_of_keys(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    assert "missing: AWS_SECRET_ACCESS_KEY" in doctor._remote(clone).found


def test_keys_that_may_only_read(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(asked: Asked) -> Answer:
        if asked.method == "GET":
            return Answer(content=b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>")
        return Answer(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "reader-secret")
    with serve(script) as (host, seen):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}")
        found = doctor._remote(clone)
    assert found.status == "fail"
    assert "may not write: create_multipart_upload: AccessDenied" in found.found
    # HEAD asks for the region of the bucket.
    assert [asked.method for asked in seen if asked.method != "HEAD"] == ["GET", "POST"]


def test_silent_servers_cost_seconds(
    clone: Clone, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone.root)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anybody-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{silent}")
    monkeypatch.setenv("ISSUESUM_REGISTRY", silent)
    done = CliRunner().invoke(command, ["--only", "remote", "--only", "registry"])
    assert done.exit_code == 1
    assert done.output.count("no result within 15 s") == 2
    assert "anybody-secret" not in done.output


def _registry(host: str) -> Finding:
    return doctor._registry(Clone(Path(), repository=lambda: f"{host}/{NAME}"))


def test_a_registry_with_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with own_registry(tmp_path, password=True) as host:
        monkeypatch.setenv("ISSUESUM_REGISTRY", host)
        stranger = _registry(host)
        monkeypatch.setenv("ISSUESUM_REGISTRY_USERNAME", "tester")
        monkeypatch.setenv("ISSUESUM_REGISTRY_PASSWORD", "wrong-password")
        wrong = _registry(host)
        monkeypatch.setenv("ISSUESUM_REGISTRY_PASSWORD", "right")
        right = _registry(host)
        monkeypatch.delenv("ISSUESUM_REGISTRY_USERNAME")
        auths = {host: {"auth": base64.b64encode(b"tester:right").decode()}}
        (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
        by_file = _registry(host)
    assert (stranger.status, wrong.status) == ("fail", "fail")
    assert "no credentials; no access: 401 Unauthorized" in stranger.found
    assert stranger.advice.startswith(f"docker login {host}")
    assert "credentials of tester; no access" in wrong.found
    assert "wrong-password" not in wrong.found + wrong.advice
    assert right.status == by_file.status == "ok"
    assert "credentials of tester" in by_file.found


def test_a_registry_that_is_not_there_or_takes_no_push() -> None:
    absent = _registry("localhost:1")
    assert absent.status == "fail"
    assert "Connection refused" in absent.found
    assert "tools/services up" in absent.advice

    def script(asked: Asked) -> Answer:
        return Answer(404) if asked.method == "HEAD" else Answer(403, b"denied: read only")

    with serve(script) as (host, seen):
        found = _registry(host)
    assert found.status == "fail"
    assert "answers, but takes no push: 403 Forbidden: denied: read only" in found.found
    assert [asked.method for asked in seen] == ["HEAD", "POST"]
