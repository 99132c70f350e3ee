"""The command as a process: its streams, its exit codes and its last line."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest

from issuesum.cli import main
from toy_bundle import write_bundle

ROWS = 'issue_url,body\n"""u1""","The app crashes\non start"\nu2,\nonly one\n'
EXPECTED = ["issue_url,title,score", "u1,", "u2,,", "only one,,"]
LAST = r"3 rows, 2 without a title, \d+\.\d s, \d+\.\d titles/s\n"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "model").mkdir()
    write_bundle(folder / "model")
    return folder


def predict(*arguments: object, given: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from issuesum.cli import main; main()", "predict"]
    return subprocess.run(
        [*command, *map(str, arguments)], input=given, capture_output=True, check=False
    )


def test_lines_go_to_standard_output_and_nothing_else_does(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    source = tmp_path / "in.csv"
    source.write_text(ROWS)
    monkeypatch.setattr(sys, "argv", ["issuesum", "predict", str(source), "--bundle", str(bundle)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    captured = capfd.readouterr()
    lines = captured.out.splitlines()
    assert [line[: len(start)] for line, start in zip(lines, EXPECTED, strict=True)] == EXPECTED
    assert re.fullmatch(r"u1,[^,]+,-\d+\.\d+", lines[1])
    assert re.fullmatch(LAST, captured.err)


def test_the_model_comes_from_one_place(monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    both = ["--bundle", "bundle", "--image", "name:tag"]
    monkeypatch.setattr(sys, "argv", ["issuesum", "predict", "-", *both])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capfd.readouterr().err.startswith("error: The model must come from one place.")


def test_gzip_from_a_pipe_to_a_file(bundle: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    given = gzip.compress(ROWS.encode())
    done = predict("-", "--bundle", bundle, "--output", output, given=given)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert output.read_text().count('"score": null}\n') == 2
    assert re.fullmatch(LAST, done.stderr.decode())


def test_a_pipe_that_breaks_off_is_one_line_and_the_output_stays(
    bundle: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    output.write_text("earlier")
    given = (ROWS + 'u,"cut he').encode()
    done = predict("-", "--bundle", bundle, "--output", output, "--batch-size", 1, given=given)
    assert done.returncode == 3
    assert re.fullmatch(b"error: standard input must close every quoted field.*\n", done.stderr)
    assert output.read_text() == "earlier"


def test_nothing_is_written_of_what_cannot_be_read(bundle: Path) -> None:
    done = predict("-", "--bundle", bundle, given=b"title,text\na,b\n")
    assert (done.returncode, done.stdout) == (3, b""), done.stderr


def test_a_reader_that_has_seen_enough_gets_its_lines_at_once(bundle: Path) -> None:
    command = [sys.executable, "-c", "from issuesum.cli import main; main()", "predict", "-"]
    with subprocess.Popen(
        [*command, "--bundle", bundle, "--batch-size", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdin.write(b"body\n" + b"app\n" * 9_000)  # more than is read at once
        process.stdin.flush()
        assert process.stdout.readline() == b"issue_url,title,score\n"
        assert process.stdout.readline().count(b",") == 2, "before the input ends"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
