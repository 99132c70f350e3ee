from __future__ import annotations

from pathlib import Path

import pytest

from local_services import settings
from local_services.errors import ServiceError


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
