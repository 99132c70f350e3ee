"""What a shell completes."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, CompletionItem
from click.testing import CliRunner

from issuesum.cli import VERBS, cli
from issuesum.layout import RUNS
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.runs import record as runs
from issuesum.lineage.runs.record import RunRecord
from issuesum.stages.params import Params

TAG, EARLIER = "3f2c1ab4d5e6-9d8e7f6a5b4c", "5b4c3f2c1ab4-1ab49d8e7f6a"


def offered(*words: str) -> list[CompletionItem]:
    """Complete the last word."""
    completing = BashComplete(cli, {}, "issuesum", "_ISSUESUM_COMPLETE")
    return completing.get_completions(list(words[:-1]), words[-1])


def values(*words: str) -> list[str]:
    return [item.value for item in offered(*words)]


def test_verbs_and_options() -> None:
    assert values("pro") == ["provenance"]
    assert values("re") == ["retrain", "restore", "release", "report"]
    assert values("") == list(VERBS)
    assert values("--v") == ["--version", "--verbose"]
    assert values("jobs", "--j") == ["--json"]
    assert values("predict", "--format", "") == ["csv", "jsonl"]
    assert values("completion", "z") == ["zsh"]


def test_stages() -> None:
    assert values("jobs", "--stage", "") == list(Params.model_fields)
    assert values("jobs", "--stage", "e") == ["evaluate", "export"]


def test_stages_of_another_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert values("jobs", "--stage", "") == [], "there is no dvc.yaml"
    Path("dvc.yaml").write_text(
        "stages: {publish: {cmd: x, deps: [model]}, train: {cmd: x, outs: [model]}}"
    )
    assert values("jobs", "--stage", "") == ["train", "publish"]
    Path("dvc.yaml").write_text("stages: [")
    assert values("jobs", "--stage", "") == [], "dvc.yaml is broken"


@pytest.mark.parametrize("words", [("ingest",), ("ingest", "--output"), ("verify", "--key")])
def test_files(words: tuple[str, ...]) -> None:
    assert [item.type for item in offered(*words, "da")] == ["file"]


def test_folders() -> None:
    assert [item.type for item in offered("manifests", "-o", "de")] == ["dir"]


def test_tags_of_images_that_are_known_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [item.type for item in offered("provenance", "3")] == ["file"], "nothing is known"
    Receipt(f"localhost:5000/titles:{TAG}", "sha256:0", "g", "d").save()
    record = RunRecord.begin("export")
    for image in (f"localhost:5000/titles:{EARLIER}", f"localhost:5000/titles:{TAG}"):
        record = RunRecord(**{**vars(record), "image": image, "id": record.id[:-1] + image[-1]})
        runs.write(record, RUNS)
    for words in (("provenance",), ("verify",), ("restore",), ("diff", "x"), ("jobs", "--image")):
        assert sorted(values(*words, "")) == [TAG, EARLIER], words
        assert values(*words, "3f") == [TAG], words
    assert offered("provenance", "3f")[0].help == f"localhost:5000/titles:{TAG}"
    assert [item.type for item in offered("provenance", "serving/")] == ["file"]


def test_completing_a_verb_imports_no_verb() -> None:
    code = (
        "import sys, json; from issuesum.cli import main; sys.argv = ['issuesum']\n"
        "try: main()\n"
        "except SystemExit: print(json.dumps([*sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "_ISSUESUM_COMPLETE": "bash_complete",
             "COMP_WORDS": "issuesum pro", "COMP_CWORD": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer, loaded = done.stdout.splitlines()
    assert answer == "plain,provenance"
    found = {name for name in json.loads(loaded) if name.startswith("issuesum.")}
    light = {"cli", "errors", "console"}
    assert found == {f"issuesum.{name}" for name in light}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_of_each_shell(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell], prog_name="issuesum")
    assert done.exit_code == 0
    assert f"_ISSUESUM_COMPLETE={shell}_complete" in done.stdout
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not on this machine, so that the script is not parsed")
    subprocess.run([shell, "-n"], input=done.stdout, text=True, check=True)


def test_a_tab_in_a_real_bash() -> None:
    """Type `issuesum pro`, TAB and the rest on a terminal."""
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("bash is not on this machine")
    here = Path(sys.executable).parent
    pid, terminal = pty.fork()
    if pid == 0:
        variables = {"PATH": f"{here}:{os.defpath}", "PS1": "> ", "TERM": "dumb"}
        os.execve(bash, ["bash", "--norc", "--noprofile"], variables)  # noqa: S606
    try:
        os.write(terminal, b'eval "$(issuesum completion bash)"; echo rea""dy\n')
        read_until(terminal, b"ready")
        os.write(terminal, b"issuesum pro\t")
        assert b"issuesum provenance" in read_until(terminal, b"issuesum provenance")
    finally:
        os.write(terminal, b"\x03exit\n")
        os.close(terminal)
        os.waitpid(pid, 0)


def read_until(terminal: int, wanted: bytes, seconds: float = 20) -> bytes:
    seen = b""
    end = time.monotonic() + seconds
    while wanted not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 4096)
    return seen
