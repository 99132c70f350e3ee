"""What is around every stage: an honest lock and a record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from issuesum.errors import DataError, RepositoryError
from issuesum.files import replacing_directory
from issuesum.layout import RUNS, StageEntry
from issuesum.lineage import dependencies
from issuesum.lineage.runs import record as runs
from issuesum.stages.runner import run
from projects import ROOT

PIPELINE = {
    "stages": {
        "split": {
            "cmd": "python stage.py",
            "deps": ["data", "stage.py", "absent"],
            "params": ["split"],
            "outs": [{"out": {"persist": True}}],
        }
    }
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder with params.yaml and data, outside of any repository."""
    (tmp_path / "project/data/a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.delenv("TF_CONFIG", raising=False)
    Path("data/a/part").write_text("1")
    Path("data/b").write_text("1")
    Path("stage.py").write_text("1")
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text())
    return Path.cwd()


@pytest.fixture
def project(folder: Path) -> Path:
    """Make that folder a DVC repository with one stage."""
    from dvc.repo import Repo

    Repo.init(no_scm=True).close()
    Path(".dvcignore").write_text("*.pyc\n")
    Path("dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    return folder


def working(
    before_the_end: Callable[[], object] = lambda: None, afterwards: Callable = lambda: None
) -> Callable:
    def body(_: object) -> dict[str, int]:
        with replacing_directory(Path("out")) as out:
            (out / "copy").write_bytes(Path("data/a/part").read_bytes())
            before_the_end()
        afterwards()
        return {"rows": 7}

    return body


def replace_text(name: str, before: str, after: str) -> None:
    path = Path(name)
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


EDITS = {
    "a-file-in-a-folder": (lambda: Path("data/a/part").write_text("2"), "data/a/part"),
    "a-new-file": (lambda: Path("data/c").write_text("2"), "data/c"),
    "a-file-that-goes": (lambda: Path("data/b").unlink(), "data/b"),
    "what-was-absent": (lambda: Path("absent").write_text("2"), "absent"),
    "code": (lambda: Path("stage.py").write_text("2"), "stage.py"),
    "params": (
        lambda: replace_text("params.yaml", "shard_rows: ", "shard_rows: 1"),
        "params.yaml (split)",
    ),
    "its-entry": (
        lambda: replace_text("dvc.yaml", "- absent", "- data/b"),
        "dvc.yaml (stages.split)",
    ),
}


@pytest.mark.parametrize(("edit", "named"), EDITS.values(), ids=EDITS)
@pytest.mark.usefixtures("project")
def test_an_edit_meanwhile_fails_the_stage_names_the_file_and_leaves_the_output(
    edit: Callable, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("split", working(before_the_end=edit))
    assert ended.value.code == RepositoryError.exit_code
    message = (
        "The dependencies of a stage must not change while it runs. "
        f"Received: other content of {named}. Try: dvc repro again."
    )
    assert capsys.readouterr().err == f"error: split: {message}\n"
    assert not Path("out").exists()
    (record,) = runs.read_all(RUNS)
    assert (record.state, record.error, record.outs) == ("failed", message, {})


@pytest.mark.usefixtures("project")
def test_many_files_are_counted_and_an_edit_after_the_last_output_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def edit() -> None:
        for number in range(1500):
            Path(f"data/{number:04}").touch()

    with pytest.raises(SystemExit):
        run("split", working(afterwards=edit))
    message = capsys.readouterr().err
    assert "of data/0000, data/0001, data/0002, data/0003, data/0004 and 1,495 more." in message


@pytest.mark.usefixtures("project")
def test_what_dvc_ignores_and_other_params_may_change(capsys: pytest.CaptureFixture[str]) -> None:
    def edit() -> None:
        Path("data/x.pyc").write_text("1")
        replace_text("params.yaml", "max_rows: ", "max_rows: 1")

    run("split", working(before_the_end=edit))
    assert capsys.readouterr().err == ""
    (record,) = runs.read_all(RUNS)
    assert (record.state, record.rows, record.bytes_in, record.bytes_out) == ("done", 7, 3, 1)
    assert record.deps["data"].nfiles == 2
    assert record.outs.keys() == {"out"}


def lock_libraries(*lines: str) -> None:
    Path("locks").mkdir()
    Path("locks/split.txt").write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.usefixtures("project")
def test_other_libraries_than_those_that_are_locked_fail_the_stage_before_it_begins(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lock_libraries(f"keras=={version('keras')}", "numpy==1.0", "unheard-of==2.0")
    with pytest.raises(SystemExit) as ended:
        run("split", lambda _: pytest.fail("the stage began"))
    assert ended.value.code == RepositoryError.exit_code
    received = f"numpy {version('numpy')} (1.0 locked), unheard-of missing (2.0 locked)"
    assert (
        f"locks/split.txt lists. Received: {received}. Try: make setup" in capsys.readouterr().err
    )
    assert not Path("out").exists()


@pytest.mark.usefixtures("project")
def test_the_libraries_that_are_locked_pass_in_both_flavours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stage, flavour in (("one", "tensorflow"), ("other", "tensorflow_cpu")):
        site = tmp_path / stage
        (site / f"{flavour}-2.99.0.dist-info").mkdir(parents=True)
        (site / "ruamel.yaml-1.0.dist-info").mkdir()
        monkeypatch.setattr("sys.path", [str(site)])
        Path("locks").mkdir(exist_ok=True)
        Path(f"locks/{stage}.txt").write_text("ruamel-yaml==1.0\ntensorflow==2.99.0\n")
        dependencies.check_installed(stage, Path())
    dependencies.check_installed("a stage without such a file", Path())


def test_what_a_stage_reads_and_writes_is_read_from_dvc_yaml(project: Path) -> None:
    entry = {"cmd": "x", "deps": ["data"], "outs": ["plain", {"out": {"cache": False}}]}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"split": entry}}))
    found = dependencies.read_inputs("split", project, {})
    assert found is not None
    assert found.outs == ("plain", "out")
    assert found.settings == {
        "dvc.yaml (stages.split)": StageEntry("split", ("data",), ("plain", "out"))
    }
    assert found.contents["data"].files.keys() == {"data/a/part", "data/b"}
    assert found.contents["data"].item.nfiles == 2
    assert found.contents["data"].item.md5.endswith(".dir")
    assert dependencies.read_inputs("absent", project, {}) is None
    Path("dvc.yaml").unlink()
    assert dependencies.read_inputs("split", project, {}) is None


@pytest.mark.usefixtures("project")
def test_a_file_that_dvc_knows_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import dvc_data.hashfile.hash as hashing
    from dvc.repo import Repo

    read = []
    monkeypatch.setattr(
        hashing, "file_md5", lambda path, *_, **__: read.append(Path(path).name) or "0" * 32
    )
    replace_text("dvc.yaml", "    - absent\n", "")
    Path("out").mkdir()
    with Repo() as repo:
        repo.commit(force=True)
    assert {"b", "part", "stage.py"} <= set(read)
    read.clear()
    run("split", working())
    on_disk = [name for name in read if not name.endswith(".tmp")]  # lists of files, in memory
    assert on_disk == ["copy"], "only the output is new"


@pytest.mark.usefixtures("project")
def test_a_worker_that_is_not_the_chief_checks_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Not the real module, which would load TensorFlow.
    cluster = SimpleNamespace(read_cluster=lambda config: SimpleNamespace(is_chief=config == "1"))
    monkeypatch.setitem(sys.modules, "issuesum.training.model.distribution", cluster)
    replace_text("dvc.yaml", "  split:", "  train:")
    monkeypatch.setenv("TF_CONFIG", "2")
    run("train", working(before_the_end=lambda: Path("data/b").write_text("2")))
    assert runs.read_all(RUNS) == []
    monkeypatch.setenv("TF_CONFIG", "1")
    with pytest.raises(SystemExit):
        run("train", working(before_the_end=lambda: Path("data/b").write_text("3")))


@pytest.mark.usefixtures("folder")
def test_a_bare_folder_needs_neither_git_nor_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "hash_all", None)  # would fail
    run("split", working(before_the_end=lambda: Path("data/b").write_text("2")))
    (record,) = runs.read_all(RUNS)
    assert (record.state, record.commit, record.deps, record.bytes_in) == ("done", None, {}, None)


@pytest.mark.usefixtures("folder")
def test_the_record_of_a_failure_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(error: BaseException) -> Callable:
        def body(_: object) -> None:
            assert [record.state for record in runs.read_all(RUNS)][:1] == ["running"]
            raise error

        return body

    for error in (DataError("no rows"), OSError(28, "full")):
        with pytest.raises(SystemExit) as ended:
            run("split", fail(error))
        (path,) = RUNS.iterdir()
        record = json.loads(path.read_text())
        assert (record["state"], record["error"]) == ("failed", str(error))
        assert record["exit_code"] == ended.value.code
        assert str(error) in capsys.readouterr().err
        path.unlink()
    with pytest.raises(SystemExit) as ended:
        run("split", fail(KeyboardInterrupt()))
    assert (ended.value.code, capsys.readouterr().err) == (130, "error: split: interrupted\n")
    (record,) = runs.read_all(RUNS)
    assert (record.error, record.exit_code) == ("interrupted", 130)


@pytest.mark.usefixtures("folder")
def test_a_record_that_cannot_be_written_is_one_warning(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".issuesum").write_text("in the way")
    run("split", working())
    assert Path("out/copy").exists()
    shown = capsys.readouterr().err
    assert shown.startswith("warning: this run is not recorded in .issuesum/runs: ")
    assert shown.count("\n") == 1


def test_a_reader_that_goes_away_ends_a_stage_in_silence(folder: Path) -> None:
    code = (
        "from issuesum.stages.runner import run\nrun('split', lambda _: print('done', flush=True))"
    )
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, stdout=theirs, stderr=subprocess.PIPE, check=False
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, b"")
