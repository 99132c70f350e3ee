"""Malformed files, through ingest and through the split stage.

Each ends in one line that says what is wrong, or in rows that are counted and set aside, or is good
data in another form. Whenever it ends in an error, what was there before is there afterwards.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from issuesum.errors import DataError
from issuesum.layout import RAW, SPLIT, SPLIT_SUMMARY, SPLITS
from issuesum.stages import split
from issuesum.stages.params import Params, load_params
from issuesum.stages.runner import run
from issuesum.training.corpus.ingest import ingest
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.shards import read_shards

REJECTS = RAW.with_name("rejects.csv")
HEADER = b"issue_url,issue_title,body\n"
GOOD = HEADER + b"".join(
    b"https://example.org/%d,title %d,text %d\n" % (n, n, n) for n in range(60)
)
ROWS = [Issue(f"https://example.org/{n}", f"title {n}", f"text {n}") for n in range(60)]


class Refused(NamedTuple):
    """The file as a whole is refused by a message that this pattern is found in."""

    pattern: str


class Taken(NamedTuple):
    """The file is taken: these rows come through, the others are counted by reason."""

    rows: list[Issue]
    rejected: dict[str, int]


CASES: dict[str, tuple[bytes | Callable[[], bytes], Refused | Taken]] = {
    "cut-in-quotes": (
        GOOD + b'u,t,"cut he',
        Refused("must close every quoted field. Received: the end of the file inside row 61"),
    ),
    "cut-between-fields": (GOOD + b"u,cut he", Taken(ROWS, {"too few fields": 1})),
    "cut-gzip": (gzip.compress(GOOD)[:-20], Refused("must be a whole gzip file")),
    "nul-bytes": (GOOD + b"u,t\0,b\nu,t,\0\0\n", Taken(ROWS, {"NUL character": 2})),
    "nul-bytes-alone": (bytes(10_000), Refused("Received: zero bytes")),
    "latin-1": (GOOD + b"u,t,abc\xe9\n", Refused("must be UTF-8. Received: byte 0xe9 at offset")),
    "utf-16": (GOOD.decode().encode("utf-16"), Taken(ROWS, {})),
    "utf-16-without-mark": (GOOD.decode().encode("utf-16-le"), Taken(ROWS, {})),
    "utf-16-that-is-cut": (
        GOOD.decode().encode("utf-16")[:-1],
        Refused("must be UTF-16. Received: byte 0x0a at offset"),
    ),
    "field-of-100-mb": (
        lambda: GOOD + b"u,t," + b"word " * 20_000_000 + b"\n",
        Refused("row 61: line of 16,777,216 char"),
    ),
    "field-of-100-mb-in-quotes": (
        lambda: GOOD + b'u,t,"' + b"word\n" * 20_000_000 + b'"\n',
        Refused(r"row 61: field larger than field limit \(16777216\)"),
    ),
    "field-of-5-mb": (GOOD + b"u,t," + b"word " * 1_000_000, Taken(ROWS, {"field too long": 1})),
    "missing-column": (
        GOOD.replace(b"issue_title", b"heading"),
        Refused("must have the column issue_title once. Received: 0 times"),
    ),
    "duplicate-headers": (
        GOOD.replace(b"issue_url,", b"body,"),
        Refused("must have the column body once. Received: 2 times"),
    ),
    "duplicate-headers-next-to-all": (
        GOOD.replace(b"\n", b",more\n").replace(b"body,more", b"body,body"),
        Refused("must have the column body once. Received: 2 times"),
    ),
    "quoted-newlines": (
        GOOD + b'u,"two\nlines","a\n\nb, ""c""\n"\n',
        Taken([*ROWS, Issue("u", "two\nlines", 'a\n\nb, "c"\n')], {}),
    ),
    "crlf": (
        GOOD.replace(b"\n", b"\r\n") + b'u,t,"a\r\nb"\r\n',
        Taken([*ROWS, Issue("u", "t", "a\nb")], {}),
    ),
    "bom": (b"\xef\xbb\xbf" + GOOD, Taken(ROWS, {})),
    "no-bytes": (b"", Refused("must hold rows of issues. Received: an empty file")),
    "header-only": (HEADER, Refused("must hold at least one (usable row|issue)")),
    "white-space-only": (
        b" \n\t\n  \n",
        Refused("must hold rows of issues. Received: an empty file"),
    ),
    "line-ends-only": (b"\n\r\n\n", Refused("must hold rows of issues. Received: an empty file")),
}


@pytest.fixture
def params(root: Path) -> Params:
    return load_params(root / "params.yaml")


@pytest.fixture
def project(tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with earlier raw data, rejects, splits and a summary: the working directory."""
    monkeypatch.chdir(tmp_path)
    RAW.parent.mkdir(parents=True)
    RAW.write_bytes(GOOD.replace(b"text", b"earlier"))
    REJECTS.write_bytes(b"row,reason,issue_url,issue_title,body\n7,empty body,,Earlier,\n")
    split.main(params)
    return tmp_path


def _files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path("data").rglob("*") if path.is_file()}


def _fails(action: Callable[[], object], pattern: str) -> None:
    """Check that `action` ends in one line and changes no file."""
    before = _files()
    with pytest.raises(DataError, match=pattern) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert "Received: " in message
    assert "Try: " in message
    assert len(message) < 500
    assert _files() == before


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[bytes, Refused | Taken]:
    """Return the content of a file, some of which are large, and what becomes of it."""
    content, outcome = CASES[request.param]
    return content() if callable(content) else content, outcome


@pytest.mark.usefixtures("project")
def test_ingest(case: tuple[bytes, Refused | Taken]) -> None:
    content, outcome = case
    Path("upload.csv").write_bytes(content)
    if isinstance(outcome, Refused):
        _fails(lambda: ingest(["upload.csv"], RAW, REJECTS), outcome.pattern)
        return
    report = ingest(["upload.csv"], RAW, REJECTS)
    assert report.rejected == outcome.rejected
    with RAW.open(encoding="utf-8", newline="") as file:
        assert [Issue(*row) for row in list(csv.reader(file))[1:]] == outcome.rows
    assert REJECTS.exists() == bool(outcome.rejected)


@pytest.mark.usefixtures("project")
def test_split(case: tuple[bytes, Refused | Taken], params: Params) -> None:
    content, outcome = case
    RAW.write_bytes(content)
    if isinstance(outcome, Refused):
        _fails(lambda: split.main(params), outcome.pattern)
        return
    split.main(params)
    found = pd.concat([rows for split in SPLITS for rows in read_shards(SPLIT / split)])
    found = found.sort_values("row").drop(columns="row")
    assert [Issue(*row) for row in found.itertuples(index=False)] == outcome.rows
    summary = json.loads(SPLIT_SUMMARY.read_text())
    assert summary["rejected"] == outcome.rejected
    assert summary["rows"] == len(outcome.rows) + sum(outcome.rejected.values())


@pytest.mark.usefixtures("project")
def test_split_over_a_limit_changes_nothing(params: Params) -> None:
    RAW.write_bytes(GOOD + b"u,,b\n" * 10)
    _fails(lambda: split.main(params), r"0\.143 \(10 of 70\): row 61 \(empty title\)")


@pytest.mark.usefixtures("project")
def test_split_that_cannot_write_is_one_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    shutil.copy(root / "params.yaml", "params.yaml")
    before = _files()
    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    with pytest.raises(SystemExit) as ended:
        run("split", split.main)
    assert ended.value.code == 4
    assert re.fullmatch(
        r"error: split: Inputs must be readable .+ Received: .*No space left.+\n",
        capsys.readouterr().err,
    )
    assert _files() == before
