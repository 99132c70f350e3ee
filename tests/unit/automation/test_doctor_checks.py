"""`issuesum doctor`: each check by itself, all of them together, and the command."""

from __future__ import annotations

import json
import os
import platform
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
from issuesum.errors import EngineError, RepositoryError
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


def _program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("version", "on_path", "shell", "status", "advice"),
    [
        ("3.12.4", "/my env/bin/python", "/bin/sh", "ok", ""),
        ("3.13.0", "/my env/bin/python", "/bin/sh", "fail", "make setup"),
        ("3.12.4", "/usr/bin/python", "/bin/sh", "fail", ". '/my env/bin/activate'"),
        ("3.12.4", None, "/usr/bin/fish", "fail", "source '/my env/bin/activate.fish'"),
    ],
)
def test_the_python_must_be_the_one_that_runs_stages(
    *, version: str, on_path: str | None, shell: str, status: str, advice: str,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr(platform, "python_version", lambda: version)
    monkeypatch.setattr(sys, "executable", "/my env/bin/python3")
    monkeypatch.setattr(shutil, "which", lambda _: on_path)
    monkeypatch.setenv("SHELL", shell)
    found = doctor._python(Clone(tmp_path))
    assert (found.status, found.advice) == (status, advice)


def test_one_folder_by_two_names_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "link").symlink_to("env")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "env/python"))
    for on_path in ("env/python", "link/python"):
        monkeypatch.setattr(shutil, "which", lambda _, to=on_path: to)
        assert doctor._python(Clone(Path())).status == "ok"
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").touch()
    assert doctor._python(Clone(Path())).status == "note", "stages are run by that one"
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python3"))
    assert doctor._python(Clone(Path())).status == "ok", "whatever PATH has"


def test_a_dirty_tree_is_noted(project: Project) -> None:
    clean = doctor._repository(Clone(project.path))
    assert clean.status == "ok"
    assert project.run("git", "rev-parse", "HEAD").stdout[:12] in clean.found
    project.edit("params.yaml", lambda text: text + "# more\n")
    dirty = doctor._repository(Clone(project.path))
    assert dirty.status == "note"
    assert "params.yaml differ" in dirty.found


def test_a_folder_outside_of_repositories_is_reported(tmp_path: Path) -> None:
    assert doctor._repository(Clone(tmp_path)).status == "fail"


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    Project(tmp_path).run("git", "init", "--quiet")
    with pytest.raises(RepositoryError, match="with a commit"):
        doctor._repository(Clone(tmp_path))


def test_conflict_markers_are_reported(project: Project) -> None:
    (project.path / ".dvc/config").write_text("<<<<<<< HEAD\n=======\n>>>>>>> theirs\n")
    ((_, found),) = examine(["remote"], Clone(project.path), limit=60)
    assert found.status == "fail"
    assert "config" in found.found


def test_the_raw_data_is_looked_for_here_in_the_cache_and_in_the_remote(project: Project) -> None:
    store, clone = project.path.parent / "store", Clone(project.path)
    lost = doctor._raw_data(clone)
    assert lost.status == "fail"
    assert "neither here nor in the remote" in lost.found
    (project.path / RAW).write_text("rows")
    md5 = md5_of(b"rows")
    pointer = {"outs": [{"md5": md5, "size": 4, "hash": "md5", "path": RAW.name}]}
    (project.path / f"{RAW}.dvc").write_text(yaml.safe_dump(pointer))
    for place in (store, project.path / ".dvc/cache"):
        held = place / "files/md5" / md5[:2] / md5[2:]
        held.parent.mkdir(parents=True)
        shutil.copy2(project.path / RAW, held)
    assert doctor._raw_data(clone).status == "ok"
    (project.path / RAW).unlink()
    assert doctor._raw_data(clone).advice == f"dvc checkout {RAW}.dvc"
    shutil.rmtree(project.path / ".dvc/cache")
    assert doctor._raw_data(clone).advice == f"dvc pull {RAW}.dvc"
    shutil.rmtree(store)
    assert doctor._raw_data(clone).status == "fail"
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


@pytest.mark.parametrize(
    ("available", "limit", "status", "limited"),
    [(3, "max", "ok", False), (3, str(GB), "note", True), (1, str(3 * GB), "note", False),
     (3, None, "ok", False)],
)  # fmt: skip
def test_the_smaller_of_memory_and_limit_counts(
    available: int, limit: str | None, status: str, *, limited: bool,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    memory = SimpleNamespace(available=available * GB)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    if limit:
        (tmp_path / "memory.max").write_text(limit)
    found = doctor._memory(Clone(tmp_path), tmp_path / "memory.max")
    assert (found.status, "limit" in found.found) == (status, limited)


@pytest.mark.parametrize(
    ("gpus", "extra", "status"),
    [("", "cpu", "ok"), ("", "gpu", "note"), ("A100", "cpu", "note"), ("A100", "gpu", "ok")],
)
def test_gpus_and_the_extra_must_go_together(
    gpus: str, extra: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "nvidia_gpus", lambda: gpus)
    installed = ["tensorflow"] * (extra == "gpu")
    monkeypatch.setattr(doctor.metadata, "distributions", lambda **_: installed)
    assert doctor._compute(Clone(Path())).status == status


def test_gpus_are_asked_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.nvidia_gpus() == ""
    _program(tmp_path, "nvidia-smi", "echo 'A100, 40960 MiB, 550.1'")
    assert doctor.nvidia_gpus() == "A100, 40960 MiB, 550.1"
    _program(tmp_path, "nvidia-smi", "echo 'NVIDIA-SMI has failed'; exit 9")
    assert doctor.nvidia_gpus() == ""


def test_tf_config_is_for_train_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    clone = Clone(Path(), scheduler=lambda: None)
    assert doctor._cluster(clone).found.startswith("this machine alone")
    monkeypatch.setenv("TF_CONFIG", "{}")
    found = doctor._cluster(clone)
    assert (found.status, "train checks against its workers" in found.found) == ("note", True)


def test_a_scheduler_is_asked_for_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    monkeypatch.delenv("TF_CONFIG", raising=False)
    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=":0"
    ) as running:
        address = running.scheduler_address
        clone = Clone(Path(), scheduler=lambda: address)
        lonely = doctor._cluster(clone)
        running.scale(1)
        running.wait_for_workers(1, timeout=20)
        assert doctor._cluster(clone).found == f"Dask scheduler {address}: 1 workers"
    assert (lonely.status, lonely.advice) == ("fail", f"dask worker {address}")
    gone = doctor._cluster(clone, patience=0.5)
    assert gone.status == "fail"
    assert f"{address} does not answer" in gone.found


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
    code, answers = _asked("params", "registry", "cluster", "memory")
    assert code == 1
    assert answers["params"]["found"].startswith("params.yaml must match issuesum.stages.params")
    assert answers["registry"]["status"] == answers["cluster"]["status"] == "note"
    assert "available" in answers["memory"]["found"]


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


@pytest.mark.parametrize("name", ["params", "git"])
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
