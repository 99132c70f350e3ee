"""What an image, a registry or a colleague wrote reaches a terminal as text and nothing else."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from issuesum import cli
from issuesum.layout import RUNS
from issuesum.lineage.runs import record as runs
from registry_stub import Answer, serve

EVIL = "\x1b]0;owned\x07\x1b[2J\u202eevil\x9b31m"
OBEYED = set("\x1b\x07\u202e\x9b")


def test_the_words_of_a_registry_move_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    content = f"{EVIL}\nerror: all is well".encode()
    with serve(lambda _: Answer(418, content)) as (host, _):
        monkeypatch.setattr(sys, "argv", ["issuesum", "provenance", f"{host}/a:b"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    shown = capsys.readouterr().err
    assert ended.value.code == 7
    assert "evil" in shown
    assert shown.count("\n") == 1
    assert not OBEYED & set(shown)


def test_the_records_of_others_move_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    record = replace(runs.RunRecord.begin("split"), error=EVIL, state="failed")
    runs.write(record, RUNS)
    monkeypatch.setattr(sys, "argv", ["issuesum", "jobs"])
    with pytest.raises(SystemExit):
        cli.main()
    shown = capsys.readouterr().out
    assert "evil" in shown
    assert not OBEYED & set(shown)
