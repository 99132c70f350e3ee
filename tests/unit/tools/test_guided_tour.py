"""The tour: that its page is up to date, that it stops where something is not so, and that nothing
is left behind. The whole of it is done by the workflow `tour`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from guided_tour import house, page, script
from guided_tour.checks import CHECKS, Scene
from guided_tour.cli import main
from guided_tour.shell import Shell
from guided_tour.walk import Told, Walked
from projects import ROOT

STEPS = script.read(script.SOURCE.read_text(encoding="utf-8"))
PARTS = [part for step in STEPS for part in step.parts]
COMMANDS = [part for part in PARTS if isinstance(part, script.Command)]
TOUR = """A comment.

## First

Look at *this*.

```console
$ mkdir titles && cd titles
$ pwd; echo $HOME $ISSUESUM_LIVE \\
    and more
```

✓ a fact <!-- says {said} -->

```console ends=3 shown=stages
$ echo "Running stage 'split':"; echo noise; sh -c 'exit 3'
```
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a repository whose `tools/services` only notes what it is asked for."""
    path = tmp_path / "project"
    subprocess.run(["git", "init", "--quiet", path], check=True)
    services = path / "tools/services"
    services.parent.mkdir()
    services.write_text(f'#!/bin/sh\necho "$1 $ISSUESUM_STATE" >>{path}/asked\n')
    services.chmod(0o755)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "tour.md"
    path.write_text(TOUR.format(said="and more"))
    return path


def test_the_page_has_the_commands_of_the_tour_in_their_order() -> None:
    text = (ROOT / "docs/tour.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    at = 0
    for command in COMMANDS:
        found = blocks.find(f"$ {command.text}\n", at)
        assert found >= 0, f"make tour TRANSCRIPT=docs/tour.md: it lacks {command.text}"
        at = found + 1
    assert len(re.findall(r"^\$ ", blocks, re.MULTILINE)) == len(COMMANDS)
    held = [part.says for part in PARTS if isinstance(part, script.Check)]
    assert re.findall(r"^✓ (.+)$", text, re.MULTILINE) == held


def test_the_page_names_no_machine_and_no_prose_is_lost() -> None:
    text = (ROOT / "docs/tour.md").read_text(encoding="utf-8")
    prose = [part for part in PARTS if isinstance(part, str)]
    assert [part for part in prose if part not in text] == []
    assert set(re.findall(r"(?<=[\s(=\"])/(\w+)/", text)) == {"home"}
    assert set(re.findall(r"(?:localhost|127\.0\.0\.1):(\w+)", text)) <= {"5000", "8333", "9000"}


def test_what_the_tour_names_exists() -> None:
    assert {part.name for part in PARTS if isinstance(part, script.Check)} == CHECKS.keys()
    assert {command.shown for command in COMMANDS} == script.SHOWN.keys()


def test_a_check_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(script.TourError, match=r"Received: ✓ a fact\. Try"):
        script.read("## First\n\n✓ a fact\n")


def test_a_tour_leaves_a_page_and_nothing_else(
    project: Path, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("ISSUESUM_LIVE", "the user's")
    monkeypatch.setenv("HOME", "")
    written = project / "page.md"
    assert main(["--transcript", str(written)], root=project, source=source) == 0
    home = "/home/ada/tour"
    assert (
        f"## 1. First\n\nLook at *this*.\n\n```console\n$ mkdir titles && cd titles\n"
        f"$ pwd; echo $HOME $ISSUESUM_LIVE \\\n    and more\n{home}/titles\n{home}/home and more\n"
        "```\n\n✓ a fact\n\n```console\n$ echo \"Running stage 'split':\"; echo noise; "
        "sh -c 'exit 3'\nRunning stage 'split':\n…\n```\n"
    ) in written.read_text(encoding="utf-8")
    assert "\nnoise\n" in capsys.readouterr().out
    assert not (project / ".issuesum/tour").exists()
    assert (project / "asked").read_text() == f"down {project}/.issuesum/tour/state\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("says and more", "says something else"), "it must hold that a fact. Received: it does"),
        (("exit 3", "exit 4"), "must end with 3. Received: 4. Try: read what it said, above."),
        (("sh -c 'exit 3'", "exit 3"), "the shell must run on. Received: its end at `echo"),
    ],
)
def test_the_first_thing_that_is_not_so_ends_it_in_one_line(
    project: Path, source: Path, change: tuple[str, str], said: str, capsys: pytest.CaptureFixture
) -> None:
    source.write_text(source.read_text().replace(*change))
    assert main([], root=project, source=source) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert not (project / ".issuesum/tour").exists()


def test_an_interrupted_tour_ends_what_it_started(project: Path, source: Path) -> None:
    """Also what has left the shell's session, as the hook's worker does."""
    source.write_text(
        "## One\n\n```console\n$ setsid sleep 987 & echo $! >../pid; sleep 986\n```\n"
    )
    call = (
        "import signal, sys; from pathlib import Path; from guided_tour.cli import main; "
        "signal.signal(signal.SIGTERM, signal.default_int_handler); "
        "sys.exit(main([], root=Path(sys.argv[1]), source=Path(sys.argv[2])))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tools"), str(ROOT / "src")])}
    running = subprocess.Popen(
        [sys.executable, "-c", call, project, source],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    pid = project / ".issuesum/pid"
    until = time.monotonic() + 60
    while not pid.exists() or not pid.read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    with pytest.raises(script.TourError, match="one tour at a time"), house.moved_in(project):
        pass
    worker = int(pid.read_text())
    running.send_signal(signal.SIGTERM)
    assert running.communicate(timeout=60)[1].splitlines()[-1].startswith("interrupted: ")
    assert running.returncode == 130
    assert not (project / ".issuesum/tour").exists()
    assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == "zombie"


def test_leftovers_of_a_killed_tour_are_taken_away(project: Path) -> None:
    left = project / ".issuesum/tour/titles"
    left.mkdir(parents=True)
    with house.moved_in(project) as found:
        assert not left.exists()
        counts = {path.stem: path.read_text().count("https://") for path in
                  (found.folder / "issues").iterdir()}  # fmt: skip
    assert set(counts) == {"january", "february", "march"}
    assert min(counts.values()) >= 100
    assert (project / "asked").read_text().count("down ") == 2


def test_a_folder_that_is_no_clone_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(script.TourError, match="must be a Git clone"),
        house.moved_in(tmp_path),
    ):
        pass
    assert not any(tmp_path.iterdir())


def test_a_shell_goes_on_and_says_lines_as_they_are(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"PATH": os.environ["PATH"]})
    said: list[str] = []
    assert shell.run(script.Command("a=1; mkdir b; cd b"), said.append) == ""
    assert shell.run(script.Command("printf 'x\\n\\n%s' $a; pwd >&2"), said.append) == (
        f"x\n\n1{tmp_path}/b\n"
    )
    assert shell.run(script.Command("printf end"), said.append) == "end\n"
    assert shell.run(script.Command("cat"), said.append) == ""
    assert "".join(said) == f"x\n\n1{tmp_path}/b\nend\n"
    shell.close()


def test_ports_and_paths_of_the_machine_get_names(tmp_path: Path) -> None:
    at = house.House(tmp_path, tmp_path / ".issuesum/tour", 41234)
    (at.folder / "titles").mkdir(parents=True)
    (at.folder / "titles/.services.env").write_text("ISSUESUM_REGISTRY=localhost:45678\n")
    output = f"{at.folder}/titles localhost:45678/x http://127.0.0.1:41234/y  \n"
    walked = [Walked("One", [Told(script.Command("go"), output)], 1.0)]
    assert "$ go\n/home/ada/tour/titles localhost:5000/x http://127.0.0.1:9000/y\n```" in (
        page.render(at, walked, "")
    )


@pytest.mark.parametrize(
    ("name", "value", "output", "holds"),
    [
        ("ran", "split train", "Running stage 'split':\nRunning stage 'train':\n", True),
        ("ran", "split", "Running stage 'split':\nRunning stage 'train':\n", False),
        ("jobs_done", "1", "stage\nsplit  done\nnote: 2 more\n", True),
        ("jobs_done", "1", "stage\nsplit  failed\n", False),
        ("reused_shards", "", "train: 5 shards: 4 reused (part), 1 tokenised", True),
        ("reused_shards", "", "train: 5 shards: 0 reused, 5 tokenised", False),
        ("images", "1", '{"tags": ["a-b", "sha256-c"]}', True),
        ("images", "1", '{"tags": ["a-b", "c-d"]}', False),
    ],
)
def test_checks_tell_what_holds(name: str, value: str, output: str, holds: bool) -> None:
    assert CHECKS[name](Scene(Path(), output, {}), value) is holds
