"""Typical mistakes with every verb: one line, the right exit code, no traceback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from issuesum.cli import VERBS
from toy_bundle import write_bundle

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # DVC's trie

TAG = f"{'0' * 12}-{'1' * 12}"
AWAY, NOWHERE = "localhost:1/titles:a", "nowhere.invalid/titles:a"

# With which arguments each verb is called where something is amiss.
CALLS: dict[str, tuple[str, ...]] = {
    "ingest": ("absent.csv",),
    "sample": ("-o", "file/out.csv"),
    "retrain": (),
    "submit": (),
    "summary": (),
    "predict": ("absent.csv", "-o", "out.csv"),
    "export": ("--dry-run",),
    "provenance": (),
    "verify": (),
    "diff": (TAG, TAG),
    "restore": (TAG,),
    "serve": (),
    "manifests": (),
    "release": ("--stage", "prod"),
    "jobs": ("--image", "x"),
    "report": (),
    "card": (),
    "completion": ("csh",),
}


@pytest.fixture(autouse=True)
def _lonely(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let neither engine nor registry answer, and no repository be around."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setenv("ISSUESUM_REGISTRY", "localhost:1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setattr("issuesum.registry.client._PATIENCE", 0)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder that is no repository and has files to mistake for others."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")  # unreadable, for root too
    (tmp_path / "good.csv").write_text("issue_url,issue_title,body\nu,t,b\n")
    (tmp_path / "columns.csv").write_text("a,b\n1,2\n")
    (tmp_path / "cut.csv").write_text('issue_url,issue_title,body\n"u,t,b\n')
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "cut.jsonl").write_text('{"body": \n')
    return tmp_path


@pytest.fixture
def clone(outside: Path, root: Path) -> Path:
    """Make that folder a fresh clone without data: params, pipeline, lock, one commit."""
    for name in ("params.yaml", "dvc.yaml", "dvc.lock"):
        shutil.copy(root / name, name)
    for command in (
        ("init", "--quiet"),
        ("add", "params.yaml", "dvc.yaml", "dvc.lock"),
        ("-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "-qm", "begin"),
    ):
        subprocess.run(["git", *command], check=True)
    (outside / ".dvc").mkdir()
    (outside / ".dvc/config").touch()
    return outside


def fails(issuesum: Callable, *arguments: object) -> tuple[int, str]:
    """Run a call that must fail in one line, and return its exit code and the line."""
    code, out, err = issuesum(*arguments)
    assert "Traceback" not in err
    assert code in range(1, 11), (code, out, err)
    assert err.startswith("error: "), err
    assert (err.count("\n"), "Try: " in err) == (1, True), err
    assert out == ""
    return code, err


def test_every_verb_is_called() -> None:
    assert set(CALLS) == set(VERBS) - {"doctor"}


@pytest.mark.parametrize("verb", CALLS)
@pytest.mark.usefixtures("outside")
def test_outside_of_a_repository(verb: str, issuesum: Callable) -> None:
    fails(issuesum, verb, *CALLS[verb])


@pytest.mark.parametrize("verb", CALLS)
@pytest.mark.usefixtures("clone")
def test_in_a_fresh_clone_and_as_json(verb: str, issuesum: Callable) -> None:
    code, line = fails(issuesum, verb, *CALLS[verb])
    if verb != "completion":
        assert fails(issuesum, verb, *CALLS[verb], "--json") == (code, line)


RECEIPT = {"image": AWAY, "digest": f"sha256:{'0' * 64}", "git": "a", "dvc": "b"}
BROKEN = {
    "params.yaml": "a: [\n",
    "dvc.yaml": "a: [\n",
    "dvc.lock": "{",
    "serving/image.json": "{",
    "eval/metrics.json": "[1]",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("verb", ["export", "provenance", "card", "summary", "manifests", "diff"])
def test_with_a_broken_file(name: str, verb: str, clone: Path, issuesum: Callable) -> None:
    (clone / "serving/bundle").mkdir(parents=True)
    (clone / "serving/image.json").write_text(json.dumps(RECEIPT))
    (clone / name).parent.mkdir(exist_ok=True)
    (clone / name).write_text(BROKEN[name])
    fails(issuesum, verb, *CALLS[verb])


@pytest.mark.parametrize("source", ["folder", "loop", "columns.csv", "cut.csv", "bytes.csv"])
@pytest.mark.usefixtures("clone")
def test_issues_that_are_none(source: str, issuesum: Callable) -> None:
    code, line = fails(issuesum, "ingest", source)
    assert (code, source in line) == (3, True)
    Path("model").mkdir()
    write_bundle(Path("model"))
    code, line = fails(issuesum, "predict", source, "--bundle", ".", "-o", "out.csv")
    assert (code, source in line, Path("out.csv").exists()) == (3, True, False)


MISTAKES = {
    "no-json": (3, "ingest", "cut.jsonl"),
    "no-server": (3, "ingest", "http://127.0.0.1:1/issues.csv"),
    "no-scheme": (3, "ingest", "ftp://example.com/issues.csv"),
    "output-a-folder": (2, "ingest", "good.csv", "-o", "folder"),
    "output-below-a-file": (4, "sample", "-o", "file/out.csv", "--force"),
    "rows-too-many": (2, "sample", "--rows", "4001"),
    "card-a-folder": (2, "card", "-o", "folder"),
    "page-a-folder": (2, "provenance", "--html", "folder"),
    "manifests-a-file": (2, "manifests", "-o", "file"),
    "bundle-a-file": (4, "predict", "good.csv", "--bundle", "file"),
    "no-key": (2, "verify", "--key", "absent", AWAY),
    "key-a-folder": (2, "verify", "--key", "folder", AWAY),
    "no-key-in-it": (2, "verify", "--key", "file", AWAY),
    "not-a-stage": (2, "jobs", "--stage", "x"),
    "no-revision": (8, "report", "nope"),
    "no-base": (8, "report", "--base", "nope"),
    "neither": (2, "release"),
    "engine-away": (6, "serve", "--stop"),
    "no-port": (2, "serve", "--port", "70000"),
    "no-dvc-remote": (8, "jobs", "--sync"),
}


@pytest.mark.parametrize("call", MISTAKES.values(), ids=MISTAKES)
@pytest.mark.usefixtures("clone")
def test_a_mistake(call: tuple[object, ...], issuesum: Callable) -> None:
    code, *arguments = call
    assert fails(issuesum, *arguments)[0] == code


@pytest.mark.parametrize(
    ("tag", "code", "message"),
    [
        ("x", 2, "TAG must register a version of issuesummarization "),
        ("issuesummarization@v9.9.9", 8, "issuesummarization@v9.9.9 must be a tag of this "),
    ],
)
@pytest.mark.usefixtures("clone")
def test_a_tag_that_names_no_version(tag: str, code: int, message: str) -> None:
    # A process of its own: to import GTO within a captured one can end it.
    call = [sys.executable, "-m", "issuesum.cli", "release", tag]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert done.stderr.startswith(f"error: {message}")


IMAGES = {
    "provenance": (),
    "verify": (),
    "restore": (),
    "diff": (TAG,),
    "manifests": (),
    "predict": (),
}


@pytest.mark.parametrize("verb", IMAGES)
@pytest.mark.usefixtures("outside")
def test_an_image_that_is_not_available(verb: str, issuesum: Callable) -> None:
    before = {"manifests": ["--image"], "predict": ["good.csv", "--image"]}.get(verb, [])
    for image in (":::", "", "titles:"):
        code, line = fails(issuesum, verb, *before, image, *IMAGES[verb])
        assert (code, "Received: " in line) == (2, True), line
    for image in (AWAY, NOWHERE):
        code, line = fails(issuesum, verb, *before, image, *IMAGES[verb])
        assert (code, image in line, "free space" in line) == (7, True, False), line
