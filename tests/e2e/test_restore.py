"""From an image back to its code and data, by the real registry and the real S3 server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import s3fs
import yaml

from issuesum.lineage import git
from issuesum.lineage.tag import dirty_patch
from light_images import push_light
from projects import Project

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CLEAN = "Data and pipelines are up to date.\n"
NOTES = "serving/notes"
SAME = (
    "data/raw/github_issues.csv",
    "eval/data.json",
    "eval/metrics.json",
    "models/trained/model.weights.h5",
    "params.yaml",
    "serving/bundle/model/encoder.onnx",
    "serving/image.json",
    f"{NOTES}/one.json",
)
WHO = ("-c", "user.name=Test", "-c", "user.email=test@example.com")


@dataclass(frozen=True)
class Made:
    """A project with an image.

    Attributes:
        project: where the image was made.
        source: the bare repository that it was pushed to.
        image: registry/name:tag.
        provenance: of the image.
    """

    project: Project
    source: Path
    image: str
    provenance: dict


@pytest.fixture(scope="module")
def made(
    finished: Project, tmp_path_factory: pytest.TempPathFactory, services, engine
) -> Iterator[Made]:
    """Let an image be of the commit before the one that holds its results, and push both."""
    folder = tmp_path_factory.mktemp("made")
    project = finished.copy(folder / "project")
    bucket = f"{os.environ.get('ISSUESUM_S3_BUCKET', 'issuesum')}/restore-{uuid4().hex[:8]}"
    project.run("git", "reset", "--quiet", "--soft", "HEAD~1")  # the results are of no commit yet
    project.run("git", "reset", "--quiet", "--", ".")
    # Export has an output that is in no lock when the image is made, and that DVC keeps.
    pipeline = yaml.safe_load((project.path / "dvc.yaml").read_text(encoding="utf-8"))
    of_export = pipeline["stages"]["export"]["outs"]
    of_export.append(NOTES)
    (project.path / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    project.run("git", "add", "dvc.yaml")
    project.run("git", *WHO, "commit", "--quiet", "--message", "code")
    project.run("git", "init", "--quiet", "--bare", str(folder / "bare.git"))
    project.run("git", "remote", "add", "origin", str(folder / "bare.git"))
    project.dvc("remote", "modify", "--local", "storage", "url", f"s3://{bucket}")
    where = {"url": f"s3://{bucket}", "endpointurl": services.s3, "region": None}
    repository = f"{services.registry}/issuesum-test-restore-{uuid4().hex[:8]}"
    image, provenance = push_light(engine, project.path, repository, remote=where)
    for path in filter(lambda out: isinstance(out, str), of_export):
        (project.path / path).mkdir()
        (project.path / path / "one.json").write_text("{}\n")
    project.dvc("commit", "--force", "export")
    project.commit("run")
    project.run("git", "push", "--quiet", "origin", "HEAD:main")
    project.dvc("push", "--quiet")
    yield Made(project, folder / "bare.git", image, provenance)
    s3fs.S3FileSystem(endpoint_url=services.s3).rm(bucket, recursive=True)


def test_from_a_fresh_folder_the_same_bundle_is_made_again(
    made: Made, tmp_path: Path, services
) -> None:
    before = _state(made.project)
    nowhere = Project(tmp_path / "fresh")
    nowhere.path.mkdir()
    done = nowhere.issuesum("restore", made.image, "back", "--source", str(made.source), "--verify")
    bundle = made.provenance["hashes"]["bundle"]
    assert done.stdout.count(bundle) == 2
    assert done.stdout.endswith("the same\n")
    assert done.stderr == ""
    back = Project(nowhere.path / "back")
    assert git.head(back.path) == made.provenance["commit"]
    assert git.changed_files(back.path) == []
    assert back.dvc("status").stdout == CLEAN
    for name in SAME:
        assert (back.path / name).read_bytes() == (made.project.path / name).read_bytes(), name
    assert services.secret not in (back.path / ".dvc/config.local").read_text(encoding="utf-8")
    assert _state(made.project) == before


def test_the_tree_of_a_dirty_image_comes_back_as_a_worktree(
    made: Made, tmp_path: Path, engine
) -> None:
    project = made.project
    project.edit("params.yaml", lambda text: text.replace("smoke_timeout: 60", "smoke_timeout: 61"))
    (project.path / "src/issuesum/later.py").write_text("LATER = 1\n")
    (project.path / "serving/blob.bin").write_bytes(bytes(range(256)))
    try:
        repository = made.image.rsplit(":", 1)[0]
        image, provenance = push_light(
            engine, project.path, repository, remote=made.provenance["remote"]
        )
        before = _state(project)
        patch = dirty_patch(project.path)
        done = project.issuesum("restore", image, str(tmp_path / "back"))
        assert _state(project) == before
    finally:
        project.run("git", "checkout", "--quiet", "--", "params.yaml", "serving")
        project.run("git", "clean", "--quiet", "--force", "src", "serving")
    back = Project(tmp_path / "back")
    assert dirty_patch(back.path) == patch != b""
    assert str(back.path) in project.run("git", "worktree", "list").stdout
    assert git.head(back.path) == provenance["commit"]
    # No commit says what this export made, and what an earlier one made is not taken for it.
    assert "Try: dvc repro export" in done.stderr
    assert list(yaml.safe_load(back.dvc("status", "--json").stdout)) == ["export"]
    assert not (back.path / NOTES).exists()


def test_what_the_remote_lacks_is_named_and_the_code_stays(made: Made, tmp_path: Path) -> None:
    nowhere = Project(tmp_path)
    (tmp_path / "empty").mkdir()
    done = nowhere.issuesum(
        "restore", made.image, "back", "--source", str(made.source),
        "--remote", "empty", ok=False,
    )  # fmt: skip
    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert f"serving/bundle ({made.provenance['hashes']['bundle']})" in line
    assert f"data/raw/github_issues.csv ({made.provenance['hashes']['raw']})" in line
    assert git.head(tmp_path / "back") == made.provenance["commit"]


def _state(project: Project) -> tuple:
    """Return what a restore must leave alone."""
    return (
        project.run("git", "status", "--porcelain").stdout,
        git.head(project.path),
        {
            path: path.stat().st_mtime_ns
            for path in project.path.rglob("*")
            if path.is_file()
            and not {".git", "tmp", "__pycache__"} & set(path.relative_to(project.path).parts)
        },
    )
