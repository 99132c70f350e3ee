"""S3 that takes an upload, and what is left where it does not let go of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from issuesum.automation.doctor.stores import S3
from registry_stub import Answer, Asked, serve

_BEGUN = b"<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>"
_DENIED = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"


def _store(host: str, path: str) -> S3:
    settings = {
        "client_kwargs": {"endpoint_url": f"http://{host}", "region_name": "us-east-1"},
        "config_kwargs": {"s3": {"addressing_style": "path"}},
        "use_ssl": False,
        "key": "somebody",
        "secret": "somebody-secret",
    }
    remote: Any = SimpleNamespace(path=path, fs=SimpleNamespace(fs_args=settings))
    return S3(remote)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("bucket", "bucket/issuesum-doctor"),
        ("bucket/", "bucket/issuesum-doctor"),
        ("bucket/dvc", "bucket/dvc/issuesum-doctor"),
    ],
)
def test_an_upload_that_cannot_be_given_up_is_told_and_is_no_failure(path: str, key: str) -> None:
    def script(asked: Asked) -> Answer:
        return Answer(200, _BEGUN) if asked.method == "POST" else Answer(403, _DENIED)

    with serve(script) as (host, seen):
        left = _store(host, path).write()
    assert "an unfinished upload of" in left
    assert "AccessDenied" in left
    assert [asked.method for asked in seen] == ["POST", "DELETE"]
    assert {asked.path.partition("?")[0].lstrip("/") for asked in seen} == {key}


def test_an_upload_that_is_given_up_leaves_nothing() -> None:
    def script(asked: Asked) -> Answer:
        return Answer(200, _BEGUN) if asked.method == "POST" else Answer(204)

    with serve(script) as (host, _):
        assert _store(host, "bucket/dvc").write() == ""
