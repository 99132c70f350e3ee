"""`issuesum doctor`: each check by itself, all of them together, and the command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from issuesum.automation import doctor
from issuesum.automation.doctor import CHECKS, Clone, Finding, examine, fail, ok
from issuesum.cli.doctor import command
from issuesum.errors import EngineError
from issuesum.layout import RAW
from issuesum.lineage.dvc import md5_of
from projects import Project, copy_project
from registry_stub import Answer, Asked, serve

GB = 10**9


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a clean copy of this repository whose remote is a folder."""
    project = copy_project(tmp_path_factory.mktemp("doctor") / "project")
    project.edit(".dvc/config", lambda text: text.replace("s3://issuesum/dvc", "../../store"))
    project.commit("begin")
    return project


@pytest.fixture
def project(committed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a copy of it, with no settings of Git but its own."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for name in list(os.environ):
        if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER")):
            monkeypatch.delenv(name)
    return committed.copy(tmp_path / "project")


def test_conflict_markers_are_reported(project: Project) -> None:
    (project.path / ".dvc/config").write_text("<<<<<<< HEAD\n=======\n>>>>>>> theirs\n")
    ((_, found),) = examine(["remote"], Clone(project.path), limit=60)
    assert found.status == "fail"
    assert "config" in found.found


def test_raw_data_that_are_not_here_are_to_be_pulled(project: Project) -> None:
    clone = Clone(project.path)
    (project.path / RAW).write_text("rows")
    pointer = {"outs": [{"md5": md5_of(b"rows"), "size": 4, "hash": "md5", "path": RAW.name}]}
    (project.path / f"{RAW}.dvc").write_text(yaml.safe_dump(pointer))
    assert doctor._raw_data(clone).status == "ok"
    (project.path / RAW).unlink()
    absent = doctor._raw_data(clone)
    assert absent.status == "fail"
    assert absent.advice.startswith(f"dvc pull {RAW}.dvc; if the remote lacks it, make run")
    (project.path / f"{RAW}.dvc").unlink()
    assert doctor._raw_data(clone).found == f"neither {RAW} nor {RAW}.dvc"


def test_a_folder_as_remote(project: Project) -> None:
    assert doctor._remote(Clone(project.path)).status == "ok"
    project.edit(".dvc/config", lambda text: text.replace("remote = storage", ""))
    ((_, found),) = examine(["remote"], Clone(project.path), limit=60)
    assert found.status == "fail"
    assert "no remote" in found.found


_BEGUN = b"<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>"
_DENIED = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"


@pytest.mark.parametrize(("path", "key"), [("bucket", ""), ("bucket/", ""), ("bucket/dvc", "dvc/")])
@pytest.mark.parametrize("given_up", [True, False])
def test_an_upload_that_cannot_be_given_up_is_a_note(
    path: str, key: str, *, given_up: bool
) -> None:
    from dvc_s3 import S3FileSystem

    def script(asked: Asked) -> Answer:
        if asked.method == "DELETE":
            return Answer(204) if given_up else Answer(403, _DENIED)
        listed = b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>"
        return Answer(200, _BEGUN if asked.method == "POST" else listed)

    with serve(script) as (host, seen):
        fs = S3FileSystem(
            endpointurl=f"http://{host}", region="us-east-1", access_key_id="somebody",
            secret_access_key="somebody-secret",  # noqa: S106
        )  # fmt: skip
        remote: Any = SimpleNamespace(path=path, fs=fs)
        found = doctor._s3(remote, "shown")
    assert found.status == ("ok" if given_up else "note")
    assert ("an unfinished upload of" in found.found) != given_up
    assert ("AccessDenied" in found.found) != given_up
    assert [asked.method for asked in seen] == ["GET", "POST", "DELETE"]
    paths = {asked.path.partition("?")[0].lstrip("/") for asked in seen[1:]}
    assert paths == {f"bucket/{key}issuesum-doctor"}


@pytest.mark.parametrize(
    ("here", "there", "raw", "status", "words"),
    [
        (10 * GB, 10 * GB, GB, "ok", "10.0 GB free here"),
        (GB, 10 * GB, 0, "note", "may take 2.0 GB"),
        (5 * GB, 10 * GB, GB, "note", "a run on 1 GB of issues may take 6.0 GB"),
        (10 * GB, GB // 2, 0, "note", "0.5 GB in /tmp"),
    ],
)
def test_room_is_judged_by_the_data(
    *, here: int, there: int, raw: int, status: str, words: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(doctor.tempfile, "gettempdir", lambda: "/tmp")  # noqa: S108
    free = {tmp_path: here, Path("/tmp"): there}  # noqa: S108
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free[path]))
    (tmp_path / RAW).parent.mkdir(parents=True)
    with (tmp_path / RAW).open("wb") as file:
        file.truncate(raw)  # sparse
    found = doctor._disk(Clone(tmp_path))
    assert found.status == status
    assert words in found.found
    assert bool(found.advice) == (status == "note")
    assert "--workspace" not in found.advice, "what is not pushed would be lost"


def _breaks(_: Clone) -> Finding:
    raise ZeroDivisionError("of a\n kind")


def _refuses(_: Clone) -> Finding:
    raise EngineError("Docker must answer. Received: nothing. Try: start it.")


def _reads(_: Clone) -> Finding:
    raise PermissionError(13, "Permission denied", "/here")


def _imports(_: Clone) -> Finding:
    raise ModuleNotFoundError("No module named 'distributed'")


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Finding]]:
    """Return what runs some checks in place of the real ones."""

    def run(*them: Callable[[Clone], Finding], limit: float = 5, **more: str) -> list[Finding]:
        names = {f"check {number}": (check,) for number, check in enumerate(them)}
        monkeypatch.setattr(doctor, "CHECKS", names)
        for name, value in more.items():
            monkeypatch.setenv(name, value)
        found = dict(examine(names, Clone(Path()), limit))
        assert list(found) == list(names)
        return list(found.values())

    return run


def test_whatever_one_check_does_all_are_reported(checks: Callable[..., list[Finding]]) -> None:
    blocking = threading.Event()

    def blocks(_: Clone) -> Finding:
        blocking.wait()
        return ok("too late")

    began = time.monotonic()
    found = checks(blocks, _breaks, _refuses, lambda _: ok("fine"), _reads, _imports, limit=0.3)
    blocking.set()
    assert time.monotonic() - began < 3
    assert found[0].status == "fail"
    assert "no result within 0.3 s" in found[0].found
    assert found[1].found == "ZeroDivisionError: of a kind"
    assert found[2] == fail("Docker must answer. Received: nothing", "start it")
    assert found[3] == ok("fine")
    assert found[4].found == "PermissionError: [Errno 13] Permission denied: '/here'"
    missing = "cannot be imported: ModuleNotFoundError: No module named 'distributed'"
    assert found[5] == fail(missing, "make setup")


def test_checks_run_at_once(checks: Callable[..., list[Finding]]) -> None:
    both = threading.Barrier(2, timeout=5)

    def meets(_: Clone) -> Finding:
        both.wait()
        return ok("met")

    assert checks(meets, meets) == [ok("met")] * 2


def test_secrets_are_removed_wherever_they_stand(checks: Callable[..., list[Finding]]) -> None:
    environment = {
        "ISSUESUM_REGISTRY_PASSWORD": "abcdef",
        "AWS_SECRET_ACCESS_KEY": "abcdef-longer",
        "CI_TOKEN": "yes",
        "ISSUESUM_VERIFY_KEY": "/home/ann/keys.pem",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/home/ann/token",
        "HOME": "/home/ann",
    }
    words = "abcdef-longer in /home/ann/keys.pem, /home/ann/token"
    found = checks(lambda _: fail(words, "yes, https://ann:pw@host/abcdef"), **environment)
    assert found == [fail("… in /home/ann/keys.pem, /home/ann/token", "yes, https://host/…")]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """Go to a folder that has params.yaml and nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISSUESUM_REGISTRY", raising=False)
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text(encoding="utf-8"))
    return tmp_path


def _asked(*names: str) -> tuple[int, dict[str, dict[str, str]]]:
    arguments = [part for name in names for part in ("--only", name)]
    done = CliRunner().invoke(command, [*arguments, "--json"])
    answers = json.loads(done.stdout)
    assert answers["ok"] == (done.exit_code == 0)
    return done.exit_code, {check.pop("name"): check for check in answers["checks"]}


def test_outside_of_a_repository_and_without_an_engine_every_line_is_there(
    elsewhere: Path,
) -> None:
    # A process of its own: docker-py leaves the socket of an engine that is not there to Python.
    done = subprocess.run(
        [Path(sys.executable).with_name("issuesum"), "doctor"],
        cwd=elsewhere,
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    lines = [line for line in done.stdout.splitlines() if line[:4].strip()]
    assert [line[6:].split()[0] for line in lines[: len(CHECKS)]] == list(CHECKS)
    assert "FAIL  engine       Docker Engine must answer. Received: " in done.stdout
    unwell = [line for line in lines if line.startswith(("note", "FAIL"))]
    assert done.stdout.count("Try: ") == len(unwell)


@pytest.mark.usefixtures("elsewhere")
def test_what_is_chosen_alone_is_looked_at() -> None:
    code, answers = _asked("disk", "params")
    assert (code, list(answers)) == (0, ["params", "disk"])
    assert set(answers["params"]) == {"status", "found", "advice"}


def test_invalid_params_are_one_failure_and_hide_nothing_else(elsewhere: Path) -> None:
    (elsewhere / "params.yaml").write_text("split: {}\n")
    code, answers = _asked("params", "registry", "disk")
    assert code == 1
    assert answers["params"]["found"].startswith("params.yaml must match issuesum.stages.params")
    assert answers["registry"]["status"] == "note"
    assert "free here" in answers["disk"]["found"]


@pytest.mark.usefixtures("elsewhere")
def test_a_registry_that_is_no_address_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISSUESUM_REGISTRY", "bad registry")
    code, answers = _asked("registry")
    assert code == 1
    assert "ISSUESUM_REGISTRY must be host[:port][/namespace]" in answers["registry"]["found"]


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("colours", [True, False])
def test_marks_are_coloured_on_a_terminal_only(*, colours: bool) -> None:
    done = CliRunner().invoke(command, ["--only", "params"], color=colours)
    assert ("\x1b[32mok" in done.output) == colours


@pytest.mark.parametrize("name", ["params", "disk"])
def test_only_what_is_chosen_is_imported(name: str, elsewhere: Path) -> None:
    code = (
        "import sys\nfrom issuesum.cli.doctor import command\n"
        f"command.main(['--only', '{name}'], standalone_mode=False)\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=elsewhere, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split("LOADED ")[1].split())
    assert not {"dvc", "docker", "dask", "s3fs", "botocore", "requests"} & loaded


@pytest.mark.usefixtures("elsewhere")
def test_a_missing_package_fails_the_checks_that_need_it_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "dvc.repo", None)
    code, answers = _asked("data", "params", "remote", "disk")
    assert code == 1
    for name in ("data", "remote"):
        assert answers[name]["status"] == "fail"
        assert answers[name]["found"].startswith("cannot be imported: ModuleNotFoundError: ")
        assert "dvc.repo" in answers[name]["found"]
        assert answers[name]["advice"] == "make setup"
    assert "fail" not in {answers[name]["status"] for name in ("params", "disk")}
