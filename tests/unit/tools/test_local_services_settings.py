"""What the environment and a clone ask for, and what a clone is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from configobj import ConfigObj

from local_services import cli, s3, settings
from local_services.common import ServiceError


def test_empty_environment_asks_for_nothing(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    found = settings.read({})
    assert found.state == Path("/home/ann/.local/state/issuesum")
    assert found.bucket == "issuesum"
    assert found.s3_endpoint is found.registry is found.docker_host is None
    assert found.s3_port is found.registry_port is None


def test_state_folder_by_its_own_variable_then_by_xdg():
    assert settings.read({"XDG_STATE_HOME": "/x"}).state == Path("/x/issuesum")
    assert settings.read({"XDG_STATE_HOME": "/x", "ISSUESUM_STATE": "/y"}).state == Path("/y")


def test_endpoint_of_s3_beats_the_general_one():
    both = {"AWS_ENDPOINT_URL": "http://a/", "AWS_ENDPOINT_URL_S3": "http://b/"}
    assert settings.read(both).s3_endpoint == "http://b"
    assert settings.read({"AWS_ENDPOINT_URL": "http://a/"}).s3_endpoint == "http://a"


def test_empty_variable_counts_as_absent():
    assert settings.read({"ISSUESUM_REGISTRY": "", "ISSUESUM_S3_PORT": ""}).registry is None


@pytest.mark.parametrize("text", ["abc", "-1", "65536", "5000 ", "٣"])
def test_port_must_be_a_port(text):
    with pytest.raises(ServiceError, match=r"ISSUESUM_REGISTRY_PORT must be a port.*Received"):
        settings.read({"ISSUESUM_REGISTRY_PORT": text})


LOCAL = {
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:8333",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
}
ELSEWHERE = {"AWS_ENDPOINT_URL_S3": "https://s3.invalid"}


@pytest.fixture
def clone(tmp_path):
    (tmp_path / ".dvc").mkdir()
    return tmp_path


def remote(clone):
    return ConfigObj(str(clone / ".dvc" / "config.local"))[settings.REMOTE].dict()


def test_env_file_is_plain_and_sorted(clone):
    settings.write(clone, LOCAL)
    assert (clone / ".services.env").read_text() == (
        "AWS_ACCESS_KEY_ID=id\n"
        "AWS_ENDPOINT_URL_S3=http://127.0.0.1:8333\n"
        "AWS_SECRET_ACCESS_KEY=secret\n"
    )


def test_folder_without_dvc_gets_no_dvc_settings(tmp_path):
    settings.write(tmp_path, LOCAL)
    assert [path.name for path in tmp_path.iterdir()] == [".services.env"]


def test_keys_leave_with_their_endpoint(clone):
    settings.write(clone, LOCAL)
    assert remote(clone)["access_key_id"] == "id"
    settings.write(clone, ELSEWHERE)
    assert remote(clone) == {"endpointurl": "https://s3.invalid"}


def test_a_users_keys_stay_with_their_endpoint(clone):
    settings.write(clone, ELSEWHERE)
    with (clone / ".dvc" / "config.local").open("a") as file:
        file.write("access_key_id = theirs%(x)s, and more\n")
    settings.write(clone, ELSEWHERE)
    settings.write(clone, ELSEWHERE)
    found = ConfigObj(str(clone / ".dvc" / "config.local"), interpolation=False)
    assert found[settings.REMOTE]["access_key_id"] == ["theirs%(x)s", "and more"]


def test_without_s3_dvc_settings_stay_as_they_are(clone):
    settings.write(clone, {"ISSUESUM_REGISTRY": "localhost:5000"})
    assert not (clone / ".dvc" / "config.local").exists()


CONFIG = "['remote \"storage\"']\n    url = {}\n"


def _s3(clone, env=None):
    found = settings.read({"ISSUESUM_STATE": str(clone / "state"), **(env or {})})
    return cli.services(found, clone)[0]


def test_the_shipped_remote_is_served_here(clone):
    (clone / ".dvc/config").write_text(CONFIG.format("s3://issuesum/dvc"))
    assert isinstance(_s3(clone), s3.S3)


@pytest.mark.parametrize("name", ["config", "config.local"])
@pytest.mark.parametrize("url", ["s3://my-bucket/x", "s3://issuesum-prod/dvc", "gs://x", "/mnt/x"])
def test_another_remote_starts_nothing_and_exports_nothing(clone, name, url):
    (clone / ".dvc" / name).write_text(CONFIG.format(url))
    service = _s3(clone)
    assert isinstance(service, s3.OwnRemote)
    assert service.up().address == url
    assert service.exports() == {}
    assert service.down() is None
    assert not (clone / "state").exists()


def test_a_folder_without_dvc_gets_the_server(tmp_path):
    assert isinstance(_s3(tmp_path), s3.S3)
