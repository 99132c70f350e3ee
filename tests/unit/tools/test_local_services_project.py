from __future__ import annotations

import pytest
from configobj import ConfigObj

from local_services import project

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
    return ConfigObj(str(clone / ".dvc" / "config.local"))[project.REMOTE].dict()


def test_env_file_is_plain_and_sorted(clone):
    project.write(clone, LOCAL)
    assert (clone / ".services.env").read_text() == (
        "AWS_ACCESS_KEY_ID=id\n"
        "AWS_ENDPOINT_URL_S3=http://127.0.0.1:8333\n"
        "AWS_SECRET_ACCESS_KEY=secret\n"
    )


def test_folder_without_dvc_gets_no_dvc_settings(tmp_path):
    project.write(tmp_path, LOCAL)
    assert [path.name for path in tmp_path.iterdir()] == [".services.env"]


def test_keys_leave_with_their_endpoint(clone):
    project.write(clone, LOCAL)
    assert remote(clone)["access_key_id"] == "id"
    project.write(clone, ELSEWHERE)
    assert remote(clone) == {"endpointurl": "https://s3.invalid"}


def test_a_persons_keys_stay_beside_their_endpoint(clone):
    project.write(clone, ELSEWHERE)
    with (clone / ".dvc" / "config.local").open("a") as file:
        file.write("access_key_id = theirs%(x)s, and more\n")
    project.write(clone, ELSEWHERE)
    project.write(clone, ELSEWHERE)
    found = ConfigObj(str(clone / ".dvc" / "config.local"), interpolation=False)
    assert found[project.REMOTE]["access_key_id"] == ["theirs%(x)s", "and more"]


def test_without_s3_dvc_settings_stay_as_they_are(clone):
    project.write(clone, {"ISSUESUM_REGISTRY": "localhost:5000"})
    assert not (clone / ".dvc" / "config.local").exists()
