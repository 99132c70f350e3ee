"""Records of runs that two clones exchange through the real S3 server."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from issuesum.layout import RUNS
from issuesum.lineage.runs import record as runs
from issuesum.lineage.runs.record import RunRecord
from projects import Project

pytestmark = pytest.mark.e2e


def clone(path: Path, url: str) -> Project:
    project = Project(path)
    (path / ".dvc").mkdir(parents=True)
    project.init()
    config = f"[core]\n    remote = team\n['remote \"team\"']\n    url = {url}\n"
    (path / ".dvc/config").write_text(config)
    return project


@pytest.fixture
def url(services) -> Iterator[str]:  # noqa: ARG001 -- checked first
    """Return an address in the bucket that is emptied afterwards."""
    import s3fs

    url = f"s3://issuesum/test-{secrets.token_hex(6)}"
    yield url
    s3fs.S3FileSystem().rm(url, recursive=True)


def test_a_failed_run_of_one_clone_is_listed_in_the_other(
    tmp_path: Path, url: str, services
) -> None:
    first, second = (clone(tmp_path / name, url) for name in ("first", "second"))
    run = replace(RunRecord.begin("train"), state="failed", error="no rows")
    runs.write(run, first.path / RUNS)
    assert first.issuesum("jobs", "--sync").stderr == "note: records: 1 sent, 0 received\n"
    done = second.issuesum("jobs", "--sync", "--json")
    assert done.stderr == "note: records: 0 sent, 1 received\n"
    (job,) = json.loads(done.stdout)
    assert (job["state"], job["error"], job["host"]) == ("failed", "no rows", run.host)

    second.env["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:9"
    refused = second.issuesum("jobs", "--sync", ok=False)
    assert refused.returncode == 8
    assert refused.stderr.startswith(f"error: {url}/issuesum-runs must be readable and writable.")
    assert refused.stderr.count("\n") == 1
    assert services.secret not in refused.stderr
