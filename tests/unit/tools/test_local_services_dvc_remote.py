"""A remote of the user's own is left alone."""

from __future__ import annotations

import pytest

from local_services import cli, dvc_remote, settings
from local_services.s3 import S3

CONFIG = "['remote \"storage\"']\n    url = {}\n"


@pytest.fixture
def clone(tmp_path):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(CONFIG.format("s3://issuesum/dvc"))
    return tmp_path


def _s3(clone, env=None):
    found = settings.read({"ISSUESUM_STATE": str(clone / "state"), **(env or {})})
    return cli._services(found, clone)[0]


def test_the_shipped_remote_is_served_here(clone):
    assert isinstance(_s3(clone), S3)


@pytest.mark.parametrize("name", ["config", "config.local"])
@pytest.mark.parametrize("url", ["s3://my-bucket/x", "s3://issuesum-prod/dvc", "gs://x", "/mnt/x"])
def test_another_remote_starts_nothing_and_exports_nothing(clone, name, url):
    (clone / ".dvc" / name).write_text(CONFIG.format(url))
    service = _s3(clone)
    assert isinstance(service, dvc_remote.OwnRemote)
    assert service.up().address == url
    assert service.exports() == {}
    assert service.down() is None
    assert not (clone / "state").exists()


def test_a_folder_without_dvc_gets_the_server(tmp_path):
    assert isinstance(_s3(tmp_path), S3)
